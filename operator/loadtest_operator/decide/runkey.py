"""The run key: what has to change for a new run to start."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

RUN_FIELDS = ("target", "scenario", "load", "runners", "environment", "hooks")


def run_key(raw_spec: Mapping[str, Any], inputs: Mapping[str, Mapping[str, str]]) -> str:
    """Over the spec as the user wrote it: a new default in a newer operator must not start anything.

    What ConfigMaps say is a part of its own, so that one that is gone does not hide whether the spec is the same.
    """
    parts = {field: raw_spec[field] for field in RUN_FIELDS if field in raw_spec}
    return _hash([parts, {}])[:16] + (f"-{_hash(inputs)[:16]}" if inputs else "")


def of_spec(key: str) -> str:
    """The part of a run key that the spec alone decides."""
    return key.partition("-")[0]


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
