"""Chart and plain manifest are two ways to the same installation."""

from typing import Any

import yaml

from tests.chart import rendered
from tests.support.helm import CHART, Helm, Object
from tests.testcluster import paths

HELMS_OWN = {"app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart"}
HELMS_ANNOTATIONS = {"checksum/settings", "helm.sh/resource-policy"}


def test_the_defaults_are_the_plain_manifest_object_by_object(helm: Helm) -> None:
    text = (paths.REPOSITORY / "manifests/install.yaml").read_text()
    plain = {_key(item): _plain(item) for item in yaml.safe_load_all(text) if item["kind"] != "Namespace"}
    charts = {_key(item): _plain(item) for item in rendered.render(helm)}
    assert charts.keys() == plain.keys()
    for key, item in plain.items():
        assert charts[key] == item, key


def test_the_crds_of_the_chart_are_those_of_the_repository(helm: Helm) -> None:
    found = [item for item in helm.template("x", "x") if item["kind"] == "CustomResourceDefinition"]
    plain = [yaml.load(path.read_text(), yaml.CSafeLoader) for path in sorted(paths.REPOSITORY.glob("crds/*.yaml"))]
    for item in found:
        assert item["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert sorted(found, key=_key) == sorted(plain, key=_key)


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    pyproject = (paths.REPOSITORY / "pyproject.toml").read_text()
    assert f'\nversion = "{chart["version"]}"\n' in pyproject
    assert chart["appVersion"] == chart["version"]


def _key(item: Object) -> tuple[str, str, str]:
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def _plain(item: Any) -> Any:
    """Without what Helm adds, and with the settings as what they say."""
    if isinstance(item, list):
        return [_plain(part) for part in item]
    if not isinstance(item, dict):
        return item
    kept = {key: _plain(value) for key, value in item.items() if key not in HELMS_OWN | HELMS_ANNOTATIONS}
    if "settings.yaml" in kept:
        kept["settings.yaml"] = yaml.safe_load(kept["settings.yaml"])
    return {key: value for key, value in kept.items() if key != "annotations" or value}
