"""Where a script broke is told as a person wrote it, not as a kubelet mounted it."""

from __future__ import annotations

import pytest
from loadtest_agent import locustfile

NAMES = ["locustfile.py", "lib/helpers.py"]


@pytest.mark.parametrize("name", NAMES)
def test_a_mounted_config_maps_folder_is_left_out(name, tmp_path):
    dated = tmp_path / "..2026_11_21_20_50_56.3060225777"
    assert locustfile._short(str(dated / name), tmp_path) == name
    assert locustfile._short(str(tmp_path / name), tmp_path) == name


def test_a_file_from_elsewhere_keeps_its_path(tmp_path):
    assert locustfile._short("/usr/lib/python3/json.py", tmp_path) == "/usr/lib/python3/json.py"
