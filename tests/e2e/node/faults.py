"""What goes wrong under load, each as a function that breaks something, waits until it had its effect, and mends it."""

import time
from collections.abc import Callable

from tests.e2e.place import Place
from tests.support.kubectl import eventually
from tests.support.loadtests import condition, phase
from tests.testcluster import breaking

Fault = Callable[[Place, str], float | None]
"""Of a place and a LoadTest's name; answers for how many seconds load went on that should have ended, if any should."""

COMPONENTS = ("containerd", "kube-apiserver", "kubelet", "api-server away")
STORE = "/var/lib/loadtest-operator"
MASTER_SILENCE_SECONDS = 30  # an operator gives a master up after that, unless its pod is Ready
AWAY_SECONDS = 16  # a Lease is trusted for 10 s, and its process goes on without
CUT_SECONDS = 14  # a worker that hears nothing of its master for 10 s ends itself
# The operator as it is, except that its wall clock is off by what is in a file.
CLOCK = """
from datetime import timedelta
from pathlib import Path
from loadtest_operator.runtime import clock

right = clock.now


def off():
    step = Path("/tmp/step")
    return right() + timedelta(seconds=float(step.read_text()) if step.exists() else 0)


clock.now = off
from loadtest_operator.runtime import main

main.main()
"""
STEP = "import pathlib, sys; pathlib.Path('/tmp/step').write_text(sys.argv[1])"
FILL = f"""
import os
file = os.open("{STORE}/filler", os.O_CREAT | os.O_WRONLY)
for size in (4096, 1):
    try:
        while os.write(file, b"x" * size):
            pass
    except OSError as error:
        print(error.strerror)
"""


def component(name: str) -> Fault:
    def killed(here: Place, test: str) -> None:
        breaking.restart(name)

    return killed


def no_api_server(here: Place, test: str) -> None:
    begun = time.monotonic()
    with breaking.away("kube-apiserver"):
        eventually(lambda: time.monotonic() - begun > AWAY_SECONDS, "the Lease is not trusted any more", 60)
    breaking.restart("kube-controller-manager")  # by itself it would wait up to a minute until it asks again


def operator_cut_off(here: Place, test: str) -> None:
    """For longer than a master may be silent, and beyond the end of the load."""
    [operator], [master] = here.operator.pods(), addresses(here, "master")
    begun, last = time.monotonic(), here.target.stats()["last"]
    with breaking.cut((operator["status"]["podIP"], master)):

        def over() -> bool:
            nonlocal last
            before, last = last, here.target.stats()["last"]
            return last == before and time.monotonic() - begun > MASTER_SILENCE_SECONDS

        eventually(over, "the load is over", 90, every=1)


def workers_cut_off(here: Place, test: str) -> float:
    """For good: those of the next attempt are others."""
    [master], workers = addresses(here, "master"), addresses(here, "worker")
    begun = time.time()
    with breaking.cut(*((worker, master) for worker in workers)):

        def another() -> bool:
            return phase(here.test(test)) == "Starting" and here.test(test)["status"]["run"]["attempt"] == 2

        eventually(another, "a new attempt", 60)
        return float(here.target.stats()["last"]) - begun


def worker_cut_off(here: Place, test: str) -> None:
    """From its master alone, so that it could go on with its load."""
    _cut_for_a_while(here, (addresses(here, "worker")[0], addresses(here, "master")[0]))


def worker_alone(here: Place, test: str) -> None:
    _cut_for_a_while(here, (addresses(here, "worker")[0], ""))


def full_disk(here: Place, test: str) -> None:
    assert "No space left" in in_operator(here, FILL)
    eventually(lambda: condition(here.test(test), "Ready").get("reason") == "StoreUnavailable", "it is told", 90)
    in_operator(here, f"import os; os.remove('{STORE}/filler')")


def small_disk(here: Place) -> None:
    """The store on a disk of one mebibyte."""
    memory = {"name": "store", "persistentVolumeClaim": None, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
    here.operator.patch({"volumes": [memory]})


def clock_steps(here: Place, test: str) -> None:
    in_operator(here, STEP, "7200")


def own_clock(here: Place) -> None:
    here.operator.patch({"containers": [{"name": "operator", "command": ["python3", "-c", CLOCK]}]})


def in_operator(here: Place, script: str, *words: str) -> str:
    where = ("-n", here.operator.home, "deployment/loadtest-operator")
    return here.kubectl("exec", *where, "--", "python3", "-c", script, *words)


def addresses(here: Place, role: str) -> list[str]:
    found = here.kubectl.list("pods", here.namespace, f"loadtest.dev/role={role}")
    return sorted(pod["status"]["podIP"] for pod in found)


def _cut_for_a_while(here: Place, pair: tuple[str, str]) -> None:
    begun = time.monotonic()
    with breaking.cut(pair):
        eventually(lambda: time.monotonic() - begun > CUT_SECONDS, "the worker gave up", 60)
