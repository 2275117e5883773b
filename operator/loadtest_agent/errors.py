"""The agent's exceptions: a reason of the protocol with a sentence for the person who has to act, and SIGTERM."""


class Terminated(SystemExit):
    """SIGTERM before there is anything to end. gevent hands a SystemExit to the main greenlet, whatever that does."""


class AgentError(Exception):
    """The run cannot go on."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def to_json(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.message}
