"""The manifests of an environment: what becomes of them, and what is said about those that cannot be used."""

import pytest
from loadtest_operator.build import manifests
from loadtest_operator.build.manifests import Source
from loadtest_operator.model.errors import InvalidSpec

SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: shop, namespace: elsewhere}\n"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec: {template: {spec: {containers: [{name: shop, image: old}, {name: side, image: car}]}}}
"""
# Each line is ten times the one before.
BOMB = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))


def parse(*texts, images=None):
    return manifests.parse([Source(f"text {n}", text) for n, text in enumerate(texts)], images)


def test_every_object_lands_in_the_environment_whatever_it_says():
    found = manifests.placed(parse(f"{SERVICE}---\n{DEPLOYMENT}"), "lt-checkout-1")
    assert [(x["kind"], x["metadata"]["namespace"]) for x in found] == [
        ("Service", "lt-checkout-1"),
        ("Deployment", "lt-checkout-1"),
    ]


def test_lists_are_unpacked_and_empty_documents_skipped():
    text = "---\n---\nkind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n"
    assert [item["kind"] for item in parse(text)] == ["Secret"]


def test_a_date_stays_the_text_that_it_is_for_the_api_server():
    [found] = parse(SERVICE + "data: {day: 2026-01-01}\n")
    assert found["data"] == {"day": "2026-01-01"}


def test_an_image_replaces_that_of_the_container_with_its_name_alone():
    [found] = parse(DEPLOYMENT, images={"shop": "new"})
    containers = found["spec"]["template"]["spec"]["containers"]
    assert [item["image"] for item in containers] == ["new", "car"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: b\nc: d: e\n", "text 0, line 2 is not YAML: mapping values are not allowed"),
        ("just words", "text 0, document 1 is not a Kubernetes object"),
        (SERVICE + "---\n- 1\n", "text 0, document 2 is not a Kubernetes object"),
        ("kind: Service\nmetadata: {name: a}\n", "has no apiVersion"),
        ("apiVersion: v1\nkind: Service\nmetadata: {generateName: a}\n", "has no metadata.name"),
        ("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", "Namespace a is not part of a namespace"),
        (
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: a}\n",
            "RoleBinding a cannot be part of an environment (an environment grants no rights)",
        ),
        (SERVICE + "---\n" + SERVICE, "Service shop twice"),
        ("# nothing\n", "contain no object"),
        (SERVICE + "binary: !!binary aGk=\n", "type that JSON does not know"),
        (BOMB, "aliases written out"),
        ("&a [*a]", "aliases written out"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(text, says):
    with pytest.raises(InvalidSpec) as raised:
        parse(text)
    assert says in str(raised.value)


def test_an_image_for_nobody_is_a_typing_mistake():
    with pytest.raises(InvalidSpec, match=r"environment\.images names shpo"):
        parse(DEPLOYMENT, images={"shpo": "new"})


def test_a_config_map_without_a_key_means_all_its_keys():
    wanted = {"manifests": [{"configMap": {"name": "m"}}, {"configMap": {"name": "m", "key": "b"}}, {"inline": "z"}]}
    found = manifests.sources(wanted, {"m": {"b": "2", "a": "1"}})
    assert [item.text for item in found] == ["1", "2", "2", "z"]
    assert found[0].name == "key a of ConfigMap m"
