"""JSON from a file that somebody else may have packed."""

import json
import zlib
from typing import Any

from loadtest_operator.verdict.reading import BadInputError

# An hour of 50 endpoints at 1000 requests/s is 20 MB of JSON; a small file must not unfold into all our memory.
MAX_JSON = 256 << 20
_GZIP = 16 + zlib.MAX_WBITS


def inflated(data: bytes) -> Any:
    inflate = zlib.decompressobj(wbits=_GZIP)
    try:
        text = inflate.decompress(data, MAX_JSON)
        found = json.loads(text) if inflate.eof else None
    except (zlib.error, ValueError, RecursionError) as error:
        raise BadInputError(f"this is not a run record: {error}") from error
    if inflate.unconsumed_tail:
        raise BadInputError(f"the run record is larger than {MAX_JSON >> 20} MiB")
    if not inflate.eof:
        raise BadInputError("this is not a run record: its end is missing")
    return found
