"""Settings: file, environment, command line, in this order; and sentences about what cannot be read."""

import pytest
from loadtest_operator.runtime import settings
from loadtest_operator.runtime.settings import Settings, SettingsError


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(settings.PREFIX + name.upper(), raising=False)


def written(folder, text):
    path = folder / "settings.yaml"
    path.write_text(text)
    return path


def test_without_anything_the_defaults_hold():
    assert settings.load(None) == Settings()


def test_an_empty_file_says_nothing(tmp_path):
    assert settings.load(written(tmp_path, "# nothing yet\n")) == Settings()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path, monkeypatch):
    path = written(tmp_path, "workers: 2\nlog_level: debug\ninstance: one\n")
    monkeypatch.setenv("LOADTEST_WORKERS", "4")
    monkeypatch.setenv("LOADTEST_INSTANCE", "two")
    found = settings.load(path, {"instance": "three"})
    assert (found.workers, found.log_level, found.instance) == (4, "debug", "three")


def test_lists_in_the_environment_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("LOADTEST_WATCH_NAMESPACES", "shop,perf,")
    assert settings.load(None).watch_namespaces == ("shop", "perf")
    monkeypatch.setenv("LOADTEST_WATCH_NAMESPACES", "")
    assert settings.load(None).watch_namespaces == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workers: many", "setting workers (or LOADTEST_WORKERS) is 'many': Input should be a valid integer"),
        ("workers: 0", "setting workers (or LOADTEST_WORKERS) is 0: Input should be greater than or equal to 1"),
        ("wokers: 3", "setting wokers is not known: see docs/settings.md"),
        ("log_level: loud", "setting log_level (or LOADTEST_LOG_LEVEL) is 'loud': Input should be 'debug', 'info'"),
        ("- workers", "it must be a map of settings, such as workers: 16"),
        ("just words", "it must be a map of settings"),
        ("a: [", "settings.yaml"),
    ],
)
def test_what_cannot_be_read_is_named_with_value_and_way_out(tmp_path, text, said):
    with pytest.raises(SettingsError) as caught:
        settings.load(written(tmp_path, text))
    assert said in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_every_problem_is_told_at_once(tmp_path):
    with pytest.raises(SettingsError, match=r"setting listen_port .*; setting workers "):
        settings.load(written(tmp_path, "workers: 0\nlisten_port: 70000\n"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        settings.load(tmp_path / "nowhere.yaml")


def test_every_setting_is_documented():
    page = settings.document()
    for name, field in Settings.model_fields.items():
        assert f"`{name}`" in page
        assert field.description


def test_policy_is_a_list_of_rules_and_a_wrong_one_is_named_by_its_place(tmp_path, monkeypatch):
    path = written(tmp_path, "policy: [{namespaces: [perf-*], targets: ['*.shop'], maxUsers: 10}]\n")
    assert settings.load(path).policy[0].max_users == 10
    with pytest.raises(SettingsError, match=r"setting policy\.0\.targets\.0: must be a host in lower case"):
        settings.load(written(tmp_path, "policy: [{targets: ['http://a']}]\n"))
    with pytest.raises(SettingsError, match=r"setting policy\.0\.maxUser is not known"):
        settings.load(written(tmp_path, "policy: [{maxUser: 1}]\n"))
    monkeypatch.setenv("LOADTEST_POLICY", "[{maxWorkers: 3}]")
    assert settings.load(path).policy[0].max_workers == 3
