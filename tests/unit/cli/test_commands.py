"""The commands that run nothing, as a person types them."""

from pathlib import Path

import pytest
import yaml
from loadtest_operator.cli.main import app
from loadtest_operator.cli.profiles import Profile
from loadtest_operator.local import demo
from typer.testing import CliRunner, Result

SCENARIOS = Path(__file__).parents[3] / "scenarios"
TEST = """\
apiVersion: loadtest.dev/v1alpha1
kind: LoadTest
metadata: {name: checkout}
spec:
  target: {url: http://checkout.shop}
  scenario:
    http:
      requests: [{path: /}, {path: /cart, weight: 3}]
  load: {users: 50, duration: 5m}
  thresholds:
    - {metric: p95, fail: 500ms}
    - {metric: errorRate, warn: 0.5%, fail: 1%}
"""


def loadtest(*arguments: str, stdin: str = "") -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, arguments, input=stdin)


def test_help_groups_the_commands_and_explains_the_exit_codes() -> None:
    found = loadtest("--help")
    assert found.exit_code == 0
    for text in ("On this machine", "Before anything runs", "demo", "history", "Exit codes: 0 the gate is open"):
        assert text in found.output


@pytest.mark.parametrize("command", ["demo", "run", "history", "report", "init", "validate", "explain"])
def test_every_command_has_an_example(command: str) -> None:
    found = loadtest(command, "--help")
    assert found.exit_code == 0
    assert f"Example: loadtest {command}" in found.output
    assert "<bool>" not in found.output


def test_the_version_is_one_line() -> None:
    assert loadtest("--version").output.startswith("loadtest 0.")


def test_a_valid_test_is_said_to_be() -> None:
    found = loadtest("validate", "-f", "-", stdin=TEST)
    assert (found.exit_code, found.stdout) == (0, "<stdin>:1: LoadTest checkout: valid\n")


def test_every_problem_is_told_with_file_line_field_value_and_way_out(tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    file.write_text(TEST.replace("users: 50", "users: many").replace("{metric: p95,", "{metrik: p95,"))
    found = loadtest("validate", "-f", str(file))
    assert found.exit_code == 2
    lines = found.stderr.splitlines()
    assert f'{file}:9: spec.load.users: "many" must be a whole number, without quotes' in lines
    assert any(
        line.startswith(f"{file}:11: spec.thresholds[0].metrik: is not a known field: did you mean metric")
        for line in lines
    )


def test_what_this_version_cannot_do_yet_is_told_before_it_runs() -> None:
    text = TEST.replace("users: 50, duration: 5m", "rate: 50/s, duration: 5m")
    found = loadtest("validate", "-f", "-", stdin=text)
    assert found.exit_code == 2
    assert found.stderr == (
        "<stdin>:9: spec.load.rate: this version does not act on it yet: remove it, or use a newer version\n"
    )


def test_a_locustfile_that_is_not_python_is_told_with_its_line() -> None:
    raw = yaml.safe_load(TEST)
    raw["spec"]["scenario"] = {"locust": {"inline": "import os\ndef broken(:\n    pass\n"}}
    found = loadtest("validate", "-f", "-", stdin=yaml.safe_dump(raw))
    assert found.exit_code == 2
    assert "spec.scenario.locust.inline: is not Python: invalid syntax, line 2 of the script" in found.stderr


def test_a_file_with_other_objects_has_its_tests_checked() -> None:
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: data}\n"
    found = loadtest("validate", "-f", "-", stdin=f"{other}---\n{TEST}")
    assert (found.exit_code, found.stdout.splitlines()) == (
        0,
        ["<stdin>:1: ConfigMap data: not checked", "<stdin>:5: LoadTest checkout: valid"],
    )
    assert loadtest("validate", "-f", "-", stdin=other).exit_code == 2


def test_explain_shows_effective_values_and_marks_defaults() -> None:
    found = loadtest("explain", "-f", "-", "--set", "load.users=600", stdin=TEST)
    assert found.exit_code == 0
    lines = [" ".join(line.split()) for line in found.stdout.splitlines()]
    assert "load 600 users for 5m, all there after 30s (20/s) (*)" in lines
    assert "judged the last 4m; the first 1m are warm-up (*)" in lines
    assert "windows 300 of 1s" in lines
    assert any(line.startswith("pods 3 workers (*), ") for line in lines)
    assert "errorRate: Warning above 0.5%, Failed above 1%" in lines
    assert "gate closed by Failed, Regressed, Invalid, Error (*)" in lines


def test_explain_shows_what_prometheus_is_asked() -> None:
    asked = '[{name: queue, promql: "max(queue_length)", reduce: max, fail: "5"}]'
    found = loadtest("explain", "-f", "-", "--set", f"thresholds={asked}", stdin=TEST)
    assert "queue (max of max(queue_length)): Failed above 5" in " ".join(found.stdout.split())


def test_explain_can_give_the_whole_effective_spec() -> None:
    found = loadtest("explain", "-f", "-", "-o", "yaml", stdin=TEST)
    spec = yaml.safe_load(found.stdout)["spec"]
    assert (spec["load"]["users"], spec["runners"]["workers"]) == (50, 1)
    assert loadtest("explain", "-f", "-", "-o", "xml", stdin=TEST).exit_code == 2


@pytest.mark.parametrize("profile", list(Profile))
def test_every_profile_writes_a_short_commented_test_that_is_valid(profile: Profile, tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    assert loadtest("init", "--profile", profile, "-o", str(file)).exit_code == 0
    assert loadtest("validate", "-f", str(file)).exit_code == 0
    text = file.read_text()
    assert len(text.splitlines()) <= 22
    assert "#" in text


def test_init_never_overwrites(tmp_path: Path) -> None:
    file = tmp_path / "test.yaml"
    file.write_text("mine")
    found = loadtest("init", "-o", str(file))
    assert found.exit_code == 2
    assert "is there already" in found.stderr
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--url", "checkout"], '--name load --url checkout: spec.target.url: "checkout" must be an address'),
        (["--name", "Check_out"], "--name Check_out --url http://checkout.shop: metadata.name"),
        (["--name", "a: ["], "--name a: [ --url http://checkout.shop: has characters that YAML gives a meaning"),
    ],
)
def test_init_checks_what_it_was_given(arguments: list[str], sentence: str) -> None:
    found = loadtest("init", *arguments)
    assert found.exit_code == 2
    assert found.stderr.startswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--config-map", "scripts"], "--config-map scripts: write it as NAME=FOLDER."),
        (
            ["--config-map", "scripts=/no/such"],
            "--config-map scripts=/no/such: /no/such is neither a file nor a folder.",
        ),
        (["--target-command", "'"], "--target-command ': cannot be split into words: No closing quotation."),
        (["--target-command", " "], "--target-command: the command is empty."),
        (["--set", "load"], "--set load: write it as path=value"),
        (["--name", "other"], "<stdin>: there is no LoadTest named 'other' in it, but checkout."),
    ],
)
def test_run_refuses_what_cannot_be_meant_before_anything_starts(arguments: list[str], sentence: str) -> None:
    found = loadtest("run", "-f", "-", *arguments, stdin=TEST)
    assert found.exit_code == 2
    assert found.stderr.startswith(sentence)


def test_what_only_a_cluster_has_is_told_with_the_way_out(tmp_path: Path) -> None:
    raw = yaml.safe_load(TEST)
    raw["spec"]["scenario"] = {"locust": {"configMap": {"name": "scripts"}}}
    found = loadtest("run", "-f", "-", "--store", str(tmp_path / "runs.db"), stdin=yaml.safe_dump(raw))
    assert found.exit_code == 2
    assert "give its files with --config-map scripts=FOLDER" in found.stderr


def test_a_store_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = loadtest("run", "-f", "-", "--store", str(tmp_path / "file" / "runs.db"), stdin=TEST)
    assert found.exit_code == 2
    assert found.stderr.startswith("--store ")


def test_history_says_when_there_is_none(tmp_path: Path) -> None:
    found = loadtest("history", "checkout", "--store", str(tmp_path / "runs.db"))
    assert found.exit_code == 2
    assert "there is no store yet" in found.stderr


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_scenario_of_the_library_is_valid(file: Path) -> None:
    found = loadtest("validate", "-f", str(file))
    assert found.exit_code == 0, found.stderr
    assert file.read_text().startswith("# ")


def test_the_demo_in_the_package_is_the_one_in_the_library() -> None:
    assert demo.FILE.read_text() == (SCENARIOS / "demo.yaml").read_text()
