"""The operator's parts around the small API server, as `main` puts them together, without watching."""

import contextlib
from datetime import UTC, datetime
from types import SimpleNamespace

import aiohttp
from loadtest_operator.build import names
from loadtest_operator.runtime.assembly import Parts
from loadtest_operator.runtime.results import Results
from loadtest_operator.runtime.settings import Settings
from loadtest_operator.runtime.tokenkey import Tokens

from tests.unit.decide_run.figures import SPEC
from tests.unit.runtime.fakeapi import serving

TESTS = "/apis/loadtest.dev/v1alpha1/namespaces/shop/loadtests"
JOBS = "/apis/batch/v1/namespaces/shop/jobs"
PODS = "/api/v1/namespaces/shop/pods"
SERVICES = "/api/v1/namespaces/shop/services"
CONFIG_MAPS = "/api/v1/namespaces/shop/configmaps"
EVENTS = "/api/v1/namespaces/shop/events"


class MemoryStore:
    """The store's protocol, in memory."""

    def __init__(self):
        self.committed = {}
        self.records = {}

    def run(self, run_id):
        return self.committed.get(run_id)

    def windows(self, run_id):
        return self.records.get(run_id)

    def commit_run(self, run):
        self.committed[run.id] = run
        if run.record is not None:
            self.records[run.id] = run.record


@contextlib.asynccontextmanager
async def assembled(**settings):
    """Everything, with `leading` to be set."""
    async with serving() as (api, kube), aiohttp.ClientSession() as agents:
        store, given = MemoryStore(), Settings(**{"agent_access": "proxy", **settings})
        results = Results(store, agents)
        here = SimpleNamespace(api=api, kube=kube, leading=True, store=store, results=results, settings=given)
        parts = Parts(given, kube, results, Tokens(b"key"), _now, lambda: here.leading)
        vars(here).update(vars(parts))
        yield here


def _now():
    return datetime.now(UTC)


def loadtest(name="checkout", uid="u-1", spec=None, **metadata):
    return {
        "apiVersion": "loadtest.dev/v1alpha1",
        "kind": "LoadTest",
        "metadata": {"name": name, "namespace": "shop", "uid": uid, "generation": 1, **metadata},
        "spec": spec or SPEC,
        "status": {"observedGeneration": -1},
    }


def child(kind, name, test="checkout", uid="u-1", number=1, instance="loadtest-operator", **fields):
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_INSTANCE: instance,
        names.LABEL_TEST: test,
        names.LABEL_TEST_UID: uid,
        names.LABEL_RUN: names.run_id(test, uid, number),
        names.LABEL_ATTEMPT: "1",
        "batch.kubernetes.io/job-name": f"{test}-{number}-master",
    }
    metadata = {"name": name, "namespace": "shop", "labels": labels, "ownerReferences": [{"uid": uid}]}
    version = {"Job": "batch/v1"}.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "status": {"phase": "Running"}, **fields}
