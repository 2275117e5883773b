"""What a person did that cannot work, said in sentences; never shown with a traceback."""

USAGE_ERROR = 2


class UserError(Exception):
    """Ends the command with exit code 2. Each line says where, what, and the way out."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
