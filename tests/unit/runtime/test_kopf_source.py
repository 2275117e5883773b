"""What we take for granted of Kopf's own code."""

import inspect
import json

from kopf._cogs.clients import api as kopf_client
from loadtest_operator.runtime import kopf_source


def test_watches_are_read_by_the_reader_that_shares_strings(monkeypatch):
    monkeypatch.setattr(kopf_client, "json", json)  # and is put back
    kopf_source.share_strings()
    said = '{"type": "ADDED", "object": {"metadata": {"labels": {"app": "shop"}}}}'
    first, second = (kopf_client.json.loads(said)["object"]["metadata"]["labels"]["app"] for _ in range(2))
    assert first is second


def test_kopf_uses_the_name_that_is_replaced_for_nothing_else():
    source = inspect.getsource(kopf_client)
    assert source.count("json.loads(") == 1
    assert source.count("= json.") + source.count(" json.dumps") == 0
