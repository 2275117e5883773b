"""Every generated file of the repository: `python -m loadtest_operator.generate [--check]`."""

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import yaml

from loadtest_operator.build import install
from loadtest_operator.model import generate as models
from loadtest_operator.runtime import settings

_HEADER: Final = "# Made by `make generate`: change operator/loadtest_operator/build/install.py.\n"

OUTPUTS: Final[Sequence[tuple[str, Callable[[], str]]]] = (
    *models.OUTPUTS,
    ("manifests/install.yaml", lambda: _manifest(install.objects(settings.Settings().image))),
    ("docs/settings.md", settings.document),
)


class _Plain(yaml.SafeDumper):
    """Without anchors: a shared label map is written out each time, as people expect it in a manifest."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _manifest(objects: list[dict[str, Any]]) -> str:
    documents = [yaml.dump(item, Dumper=_Plain, sort_keys=False, width=120) for item in objects]
    return _HEADER + "---\n".join(documents)


def main(arguments: Sequence[str]) -> int:
    return models.main(arguments, OUTPUTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
