"""Writes files that are made from the models, or says which of them is out of date."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from loadtest_operator.model import crd, reference

ROOT: Final = Path(__file__).resolve().parents[3]
_HEADER: Final = "# Made by `make generate` from operator/loadtest_operator/model: change it there.\n"

# Texts stay on one line and small maps are written as {...}: a changed field is a changed line.
_ONE_LINE: Final = 100_000

# Path from the repository's root -> what belongs into it.
Outputs = Sequence[tuple[str, Callable[[], str]]]

OUTPUTS: Final[Outputs] = (
    ("crds/loadtests.yaml", lambda: _yaml(crd.loadtest())),
    ("crds/loadtestschedules.yaml", lambda: _yaml(crd.schedule())),
    ("docs/reference.md", reference.render),
)


def stale(root: Path = ROOT, outputs: Outputs = OUTPUTS) -> list[str]:
    """The files that are not what the models say."""
    return [path for path, render in outputs if _read(root / path) != render()]


def write(root: Path = ROOT, outputs: Outputs = OUTPUTS) -> list[str]:
    """Bring the files up to date; returns the paths of those that changed."""
    changed = stale(root, outputs)
    for path, render in outputs:
        if path in changed:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(render(), encoding="utf-8")
    return changed


def main(arguments: Sequence[str], outputs: Outputs = OUTPUTS) -> int:
    """The command: 0 when all is up to date afterwards."""
    if list(arguments) not in ([], ["--check"]):
        sys.stderr.write("usage: python -m loadtest_operator.generate [--check]\n")
        return 2
    if not arguments:
        sys.stdout.writelines(f"wrote {path}\n" for path in write(outputs=outputs))
        return 0
    old = stale(outputs=outputs)
    sys.stderr.writelines(f"{path} is out of date: run `make generate` and commit the result\n" for path in old)
    return 1 if old else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _yaml(document: dict[str, Any]) -> str:
    return _HEADER + yaml.safe_dump(
        document, sort_keys=False, allow_unicode=True, width=_ONE_LINE, default_flow_style=None
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
