"""Every generated file of the repository: `python -m loadtest_operator.generate [--check]`."""

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import yaml

from loadtest_operator.build import admission, chart, install
from loadtest_operator.model import crd
from loadtest_operator.model import generate as models
from loadtest_operator.runtime import settings

_HEADER: Final = "# Made by `make generate`: change operator/loadtest_operator/build/{}.py.\n"
_CRD_HEADER: Final = "# Made by `make generate` from operator/loadtest_operator/model: change it there.\n"
_SCHEMA: Final = f"{chart.FOLDER}/values.schema.json"


class _Plain(yaml.SafeDumper):
    """Without anchors: a shared label map is written out each time, as people expect it in a manifest."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _manifest(objects: list[dict[str, Any]], source: str = "install") -> str:
    documents = [yaml.dump(item, Dumper=_Plain, sort_keys=False, width=120) for item in objects]
    return _HEADER.format(source) + "---\n".join(documents)


def _chart_crd(document: dict[str, Any]) -> str:
    text = yaml.safe_dump(
        chart.crd(document), sort_keys=False, allow_unicode=True, width=100_000, default_flow_style=None
    )
    return _CRD_HEADER + text


def _values_schema() -> str:
    """Written by hand but for the settings, so what is there is read and completed."""
    by_hand = json.loads((models.ROOT / _SCHEMA).read_text(encoding="utf-8"))
    return json.dumps(chart.values_schema(by_hand, _settings_schema()), indent=2) + "\n"


def _settings_schema() -> dict[str, Any]:
    return settings.Settings.model_json_schema(ref_template="#/$defs/{model}")


OUTPUTS: Final[Sequence[tuple[str, Callable[[], str]]]] = (
    *models.OUTPUTS,
    ("manifests/install.yaml", lambda: _manifest(install.objects(settings.Settings().image))),
    ("manifests/admission.yaml", lambda: _manifest(admission.objects(), "admission")),
    ("docs/settings.md", settings.document),
    (f"{chart.FOLDER}/templates/_generated.tpl", chart.helpers),
    (f"{chart.FOLDER}/files/crds/loadtests.yaml", lambda: _chart_crd(crd.loadtest())),
    (f"{chart.FOLDER}/files/crds/loadtestschedules.yaml", lambda: _chart_crd(crd.schedule())),
    (_SCHEMA, _values_schema),
)


def main(arguments: Sequence[str]) -> int:
    return models.main(arguments, OUTPUTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
