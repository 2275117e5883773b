"""What `loadtest init` writes: a commented LoadTest for each purpose, only with what this version can run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    SMOKE = "smoke"
    BASELINE = "baseline"
    LOAD = "load"
    STRESS = "stress"
    SOAK = "soak"


@dataclass(frozen=True)
class Shape:
    purpose: str
    load: str
    load_comment: str
    p95: str
    errors: str


SHAPES = {
    Profile.SMOKE: Shape(
        "Smoke test: does it work at all, under a few users? Short enough for every commit.",
        "{users: 5, duration: 1m, warmup: 10s}",
        "few users for a minute; the first 10 s are not judged",
        "1s",
        "0.1%",
    ),
    Profile.BASELINE: Shape(
        "Baseline: a modest, steady load, run again and again, to see whether the service gets slower.",
        "{users: 20, ramp: 10s, duration: 5m}",
        "steady and well below the limits: runs of the same load can be compared",
        "800ms",
        "0.5%",
    ),
    Profile.LOAD: Shape(
        "Load test: the load of a busy day. Does the service hold its limits?",
        "{users: 100, ramp: 1m, duration: 10m}",
        "all users are there after a minute",
        "500ms",
        "1%",
    ),
    Profile.STRESS: Shape(
        "Stress test: far more than a busy day, slowly rising. Does the service stay on its feet?",
        "{users: 500, ramp: 10m, duration: 15m, warmup: 10m}",
        "the last five minutes, with all users, are judged",
        "2s",
        "5%",
    ),
    Profile.SOAK: Shape(
        "Soak test: a normal load for hours. Do leaks and full disks show?",
        "{users: 50, ramp: 1m, duration: 4h}",
        "long enough for slow leaks",
        "500ms",
        "0.1%",
    ),
}

TEMPLATE = """\
# {purpose}
# Look at it: loadtest explain -f FILE. Run it here: loadtest run -f FILE. In a cluster: kubectl apply -f FILE.
apiVersion: loadtest.dev/v1alpha1
kind: LoadTest
metadata:
  name: {name}
spec:
  target:
    url: {url}
    health: {{path: /}}                  # asked until it answers below 500, before any load
  scenario:
    http:
      thinkTime: {{min: 1s, max: 3s}}    # how long a user waits between two requests
      requests:                        # chosen by weight; add method, json, headers, expect as needed
        - {{path: /, name: home, weight: 3}}
        - {{path: "/search?q=shoes", name: search}}
  load: {load}   # {load_comment}
  thresholds:                          # beyond `fail` the verdict is Failed, beyond `warn` it is Warning
    - {{metric: p95, fail: {p95}}}
    - {{metric: errorRate, fail: {errors}}}
"""


def write(profile: Profile, name: str, url: str) -> str:
    shape = SHAPES[profile]
    return TEMPLATE.format(
        purpose=shape.purpose,
        name=name,
        url=url,
        load=shape.load,
        load_comment=shape.load_comment,
        p95=shape.p95,
        errors=shape.errors,
    )
