"""What keeps a LoadTest from running on this machine."""


class NotHereError(Exception):
    """Something of the file has no counterpart on this machine; the text says which field, and the way out."""


class RunError(Exception):
    """The run broke before there was anything to judge; `reason` is the agent's, or one of ours."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
