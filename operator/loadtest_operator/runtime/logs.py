"""Log lines with their fields, as text for people or as JSON for machines."""

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Lines(logging.Formatter):
    def __init__(self, form: str) -> None:
        super().__init__()
        self._json = form == "json"

    def format(self, record: logging.LogRecord) -> str:
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = record.getMessage()
        if not self._json:  # what a user wrote must not look like a line of ours
            text, fields = _one_line(text), {key: _one_line(str(value)) for key, value in fields.items()}
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        if self._json:
            head = {"time": when, "level": record.levelname.lower(), "logger": record.name, "message": text + trace}
            return json.dumps({**head, **fields}, default=str)
        rest = "".join(f" {key}={value}" for key, value in fields.items())
        return f"{when} {record.levelname.lower():7} {text}{rest}{trace}"


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def configure(form: str, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(form))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Kopf tells at info what it watches and connects to; of interest only when something is wrong there.
    logging.getLogger("kopf").setLevel(logging.WARNING if level != "debug" else logging.DEBUG)
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
