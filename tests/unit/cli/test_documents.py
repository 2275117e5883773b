import io

import pytest
from loadtest_operator.cli import documents
from loadtest_operator.cli.errors import UserError

HEAD = "apiVersion: loadtest.dev/v1alpha1\nkind: LoadTest\n"


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch):
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def refusal(text: str, stdin) -> str:
    stdin(text)
    with pytest.raises(UserError) as error:
        documents.read("-")
    return str(error.value)


def test_a_field_is_found_by_its_line_and_a_missing_one_by_the_nearest_around_it(stdin) -> None:
    stdin(HEAD + "metadata: {name: a}\nspec:\n  load:\n    users: 5\n  thresholds:\n  - fail: 1s\n  - fail: 2s\n")
    document = documents.read("-")[0]
    assert document.place("spec.load.users") == "<stdin>:6"
    assert document.place("spec.thresholds[1].fail") == "<stdin>:9"
    assert document.place("spec.load.ramp") == "<stdin>:5"
    assert document.place("spec.target.url") == "<stdin>:4"
    assert document.place("") == "<stdin>:1"


def test_dates_and_times_stay_text_as_kubernetes_reads_them(stdin) -> None:
    stdin(HEAD + "metadata: {name: a}\nspec: {from: 2026-12-20T00:00:00Z, on: 2026-12-20}\n")
    raw = documents.read("-")[0].raw
    assert raw["spec"]["from"] == "2026-12-20T00:00:00Z"


def test_empty_documents_between_others_are_passed_over(stdin) -> None:
    stdin("---\n---\n" + HEAD + "---\n# nothing\n---\n" + HEAD)
    assert len(documents.read("-")) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "<stdin>: there is no object in it."),
        (
            HEAD + "spec: {load: {users: 5}\n",
            "<stdin>:4: this is not YAML: expected ',' or '}', but got '<stream end>'.",
        ),
        (HEAD + "\tspec: 1\n", "<stdin>:3: this is not YAML: found character '\\t' that cannot start any token."),
        (HEAD + "spec:\n  a: 1\n  b: 2\n  a: 3\n", "<stdin>:6: a is here a second time; the first is in line 4."),
        ("- 1\n", "<stdin>:1: this is not an object; a LoadTest begins with"),
        ("kind: LoadTest\n", "<stdin>:1: apiVersion is missing; write `apiVersion: loadtest.dev/v1alpha1`"),
        ("apiVersion: loadtest.dev/v2\nkind: LoadTest\n", "<stdin>:1: apiVersion 'loadtest.dev/v2' is unknown;"),
        ("apiVersion: v1\nkind: LoadTest\n", "<stdin>:1: v1 has no LoadTest; write"),
        ("&a [*a]\n", "<stdin>:1: this is not an object;"),
    ],
)
def test_what_is_not_an_object_is_refused_with_its_line(text: str, sentence: str, stdin) -> None:
    assert refusal(text, stdin).startswith(sentence)


def test_a_missing_file_is_told_with_the_way_to_get_one() -> None:
    with pytest.raises(
        UserError, match=r"no-such\.yaml: there is no such file; `loadtest init > .*no-such\.yaml` writes"
    ):
        documents.read("no-such.yaml")


def test_several_tests_need_a_name(stdin) -> None:
    stdin("---\n".join(HEAD + f"metadata: {{name: {name}}}\n" for name in ("a", "b")))
    found = documents.read("-")
    assert documents.only_test(found, "b").name == "b"
    with pytest.raises(UserError, match=r"there are 2 LoadTests in it \(a, b\); choose one with --name\."):
        documents.only_test(found, None)
    with pytest.raises(UserError, match=r"there is no LoadTest named 'c' in it, but a, b\."):
        documents.only_test(found, "c")


def test_a_file_without_a_test_says_what_it_has(stdin) -> None:
    stdin("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: text, b: 5}\n")
    found = documents.read("-")
    assert documents.config_maps(found) == {"m": {"a": "text", "b": "5"}}
    with pytest.raises(UserError, match="there is no LoadTest in it, only ConfigMap"):
        documents.only_test(found, None)
