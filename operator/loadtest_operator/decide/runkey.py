"""The run key: what has to change for a new run to start."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

RUN_FIELDS = ("target", "scenario", "load", "runners", "environment", "hooks")


def run_key(raw_spec: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> str:
    """Over the spec as the user wrote it: a new default in a newer operator must not start anything."""
    parts = {field: raw_spec[field] for field in RUN_FIELDS if field in raw_spec}
    text = json.dumps([parts, inputs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
