"""The operator's process loads neither the kubernetes package nor Locust, nor, at start, what only reports need."""

import subprocess
import sys

PROGRAM = """
import importlib, importlib.abc, pkgutil, sys

UNWANTED = {"kubernetes", "locust", "gevent", "pykube", "typer", "rich", "jinja2", "hypothesis", "pytest"}

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in UNWANTED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
import loadtest_operator.runtime as package
for module in pkgutil.iter_modules(package.__path__):
    importlib.import_module(f"{package.__name__}.{module.name}")
assert "kopf" in sys.modules
print(len(list(pkgutil.iter_modules(package.__path__))))
"""


def test_the_runtime_needs_neither_kubernetes_nor_locust():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert int(done.stdout) > 10
