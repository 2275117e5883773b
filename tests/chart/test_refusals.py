"""Values that cannot work are refused before anything is installed, with the value's name and the way out."""

import json

import pytest
from loadtest_operator.build import chart
from loadtest_operator.runtime.settings import Settings

from tests.chart.rendered import render
from tests.support.helm import CHART, Helm, Object, Refused

SENTENCES: dict[str, tuple[Object, str]] = {
    "two writers": (
        {"replicas": 2},
        "replicas: 2 is not possible: results are kept in one SQLite file, which one process writes; use 1",
    ),
    "two stores": (
        {"store": {"emptyDir": True, "existingClaim": "mine"}},
        "store: emptyDir and existingClaim exclude each other; set one of them",
    ),
    "an account without a name": (
        {"serviceAccount": {"create": False}},
        "serviceAccount.name: with create: false, name the ServiceAccount that you made",
    ),
    "namespaces in the wrong place": (
        {"settings": {"watch_namespaces": ["a"]}},
        "settings.watch_namespaces: leave it out, use the chart's value watchNamespaces, which makes the Roles, too",
    ),
}
SCHEMA: dict[str, tuple[Object, str]] = {
    "a typo": ({"watchNamespace": ["a"]}, "watchNamespace"),
    "a typo inside": ({"store": {"emptydir": True}}, "emptydir"),
    "an unknown setting": ({"settings": {"log-level": "debug"}}, "log-level"),
    "a setting of another type": ({"settings": {"workers": "many"}}, "/settings/workers"),
    "a setting out of range": ({"settings": {"workers": 0}}, "/settings/workers"),
    "a level that is not there": ({"settings": {"log_level": "loud"}}, "'debug', 'info', 'warning', 'error'"),
    "a name that is none": ({"watchNamespaces": ["Perf A"]}, "/watchNamespaces/0"),
    "a namespace twice": ({"watchNamespaces": ["a", "a"]}, "/watchNamespaces"),
    "a tag as digest": ({"image": {"digest": "0.1.0"}}, "/image/digest"),
    "half a pod": ({"replicas": -1}, "/replicas"),
}


@pytest.mark.parametrize(("values", "sentence"), SENTENCES.values(), ids=SENTENCES)
def test_what_cannot_work_together_is_refused_with_a_sentence(helm: Helm, values: Object, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        render(helm, values)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(("values", "named"), SCHEMA.values(), ids=SCHEMA)
def test_what_the_schema_refuses_is_named(helm: Helm, values: Object, named: str) -> None:
    with pytest.raises(Refused) as refused:
        render(helm, values)
    assert "don't meet the specifications of the schema" in str(refused.value)
    assert named in str(refused.value)


def test_every_setting_is_in_the_schema_or_decided_by_the_chart() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["settings"]
    assert schema["properties"].keys() == Settings.model_fields.keys()
    assert schema["additionalProperties"] is False
    assert chart.DECIDED.keys() <= Settings.model_fields.keys()
    for name, field in Settings.model_fields.items():
        if name not in chart.DECIDED:
            assert schema["properties"][name]["description"] == field.description
