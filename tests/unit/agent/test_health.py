"""How long the container's CPU limit has kept a worker from running."""

from __future__ import annotations

import pytest
from loadtest_agent import health

FILES = {
    "the new hierarchy": ("cpu.stat", "usage_usec 9\nnr_periods 7\nnr_throttled 3\nthrottled_usec 250000\n", 0.25),
    "the old one": ("cpu/cpu.stat", "nr_periods 7\nnr_throttled 3\nthrottled_time 1500000000\n", 1.5),
    "without a controller": ("cpu.stat", "usage_usec 9\n", None),
    "no file": ("other", "", None),
}


@pytest.mark.parametrize("case", FILES)
def test_it_is_read_where_the_kernel_tells_it(case, tmp_path):
    name, text, seconds = FILES[case]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert health.throttled_seconds(tmp_path) == seconds


def test_a_window_has_the_share_of_its_time(monkeypatch):
    clock, held = [100.0], [5.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: clock[0])
    sampler = health.Sampler(lambda: 3, 1.0, lambda: held[0])
    clock[0], held[0] = 102.0, 5.5
    assert sampler(reset=False).throttled == 0.25
    assert sampler(reset=True).throttled == 0.25
    clock[0] = 104.0
    assert sampler(reset=True).throttled == 0.0


def test_without_an_accounting_nothing_is_claimed(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: clock[0])
    sampler = health.Sampler(lambda: 3, 1.0, lambda: None)
    clock[0] = 102.0
    assert sampler(reset=True).throttled is None
