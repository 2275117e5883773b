from pathlib import Path

import pytest
from loadtest_operator.local import inputs
from loadtest_operator.local.errors import NotHereError

INLINE = {"scenario": {"locust": {"inline": "print()"}}}
REFERENCE = {"scenario": {"locust": {"configMap": {"name": "shop", "key": "main.py"}}}}


def env(*items: dict, **spec) -> dict:
    return {"scenario": {"http": {}, "env": list(items), **spec}}


def test_an_inline_locustfile_is_one_file_and_an_http_scenario_none() -> None:
    assert inputs.files(INLINE, {}) == {"locustfile.py": "print()"}
    assert inputs.files({"scenario": {"http": {}}}, {}) == {}


def test_a_config_map_is_given_as_a_folder(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import other")
    (tmp_path / "other.py").write_text("")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "__pycache__").mkdir()
    folder = inputs.from_folder(tmp_path)
    assert folder == {"main.py": "import other", "other.py": ""}
    assert inputs.files(REFERENCE, {"shop": folder}) == {"locustfile.py": "import other", "other.py": ""}
    assert inputs.from_folder(tmp_path / "main.py") == {"main.py": "import other"}


def test_a_config_map_that_is_not_given_is_told_with_the_option_that_gives_it() -> None:
    with pytest.raises(NotHereError, match="give its files with --config-map shop=FOLDER"):
        inputs.files(REFERENCE, {})


def test_a_config_map_without_the_key_says_what_it_has() -> None:
    with pytest.raises(NotHereError, match=r"ConfigMap shop has no main\.py; it has a\.py, b\.py\."):
        inputs.files(REFERENCE, {"shop": {"a.py": "", "b.py": ""}})


def test_a_folder_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotHereError, match="is neither a file nor a folder"):
        inputs.from_folder(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(NotHereError, match="is not text in UTF-8"):
        inputs.from_folder(tmp_path)


def test_plain_variables_replace_those_of_this_machine() -> None:
    spec = env({"name": "A", "value": "1"}, {"name": "B"})
    assert inputs.environment(spec, {}, {"A": "0", "C": "3"}) == {"A": "1", "B": "", "C": "3"}


def test_a_variable_from_a_secret_is_taken_from_this_machine_or_asked_for() -> None:
    spec = env({"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}}})
    assert inputs.environment(spec, {}, {"TOKEN": "t"})["TOKEN"] == "t"
    with pytest.raises(NotHereError, match=r"TOKEN comes from Secret login, .*: export TOKEN=\.\.\."):
        inputs.environment(spec, {}, {})


def test_variables_of_a_given_config_map_are_read_and_the_others_named() -> None:
    sources = [{"configMapRef": {"name": "shop"}, "prefix": "SHOP_"}, {"secretRef": {"name": "login"}}]
    spec = env(envFrom=sources)
    assert inputs.environment(spec, {"shop": {"URL": "x"}}, {}) == {"SHOP_URL": "x"}
    assert inputs.not_read(spec, {"shop": {}}) == ["login"]


def test_hooks_are_refused_with_what_to_do_instead() -> None:
    raw = {"hooks": {"before": {"image": "seed:1"}}, "scenario": {"http": {}}}
    with pytest.raises(NotHereError, match=r"spec\.hooks: .* run in a cluster only; here, remove them"):
        inputs.files(raw, {})
