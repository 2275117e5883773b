import pytest
from loadtest_operator.cli import overrides
from loadtest_operator.cli.errors import UserError

RAW = {
    "metadata": {"name": "a"},
    "spec": {"load": {"users": 5, "ramp": "10s"}, "thresholds": [{"metric": "p95", "fail": "1s"}]},
}


def test_a_path_begins_below_spec_and_the_value_is_yaml() -> None:
    spec = overrides.apply(RAW, ["load.users=50", "load.duration=1m", "spec.target.url=http://x:80/?a=b"])["spec"]
    assert spec["load"] == {"users": 50, "ramp": "10s", "duration": "1m"}
    assert spec["target"] == {"url": "http://x:80/?a=b"}


def test_the_file_itself_is_left_alone() -> None:
    overrides.apply(RAW, ["load.users=50", "thresholds[0].fail=2s"])
    assert RAW["spec"]["load"]["users"] == 5
    assert RAW["spec"]["thresholds"][0]["fail"] == "1s"


def test_lists_are_reached_by_index_and_replaced_as_a_whole() -> None:
    assert overrides.apply(RAW, ["thresholds[0].fail=2s"])["spec"]["thresholds"][0]["fail"] == "2s"
    assert overrides.apply(RAW, ["thresholds=[]"])["spec"]["thresholds"] == []


def test_null_removes_a_field_or_an_item_that_is_there_or_not() -> None:
    raw = overrides.apply(RAW, ["load.ramp=null", "load.warmup=null", "thresholds[0]=null"])
    assert raw["spec"] == {"load": {"users": 5}, "thresholds": []}


def test_metadata_can_be_changed_too() -> None:
    assert overrides.apply(RAW, ["metadata.name=b"])["metadata"]["name"] == "b"


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("load.users", "--set load.users: write it as path=value, for example --set load.users=50."),
        ("=5", "--set =5: write it as path=value"),
        ("load..users=5", "--set load..users=5: 'load..users' is not a path such as load.users"),
        ("thresholds[x]=5", "--set thresholds[x]=5: 'thresholds[x]' is not a path"),
        (
            "thresholds[3].fail=5s",
            "--set thresholds[3].fail=5s: spec.thresholds has 1 items, and counting begins with 0.",
        ),
        (
            "thresholds.fail=5s",
            "--set thresholds.fail=5s: spec.thresholds is a list; say which item, as in thresholds[0].",
        ),
        ("load[0]=5", "--set load[0]=5: spec.load is not a list."),
        ("load.users.max=5", "--set load.users.max=5: spec.load.users is 5, which has no field 'max'."),
        ("load.users=[1", "--set load.users=[1: the value '[1' is not YAML; put quotes around it."),
    ],
)
def test_what_cannot_be_set_is_told_with_the_way_out(assignment: str, sentence: str) -> None:
    with pytest.raises(UserError) as error:
        overrides.apply(RAW, [assignment])
    assert str(error.value).startswith(sentence)
