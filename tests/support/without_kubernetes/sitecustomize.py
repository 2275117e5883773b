"""On the PYTHONPATH of an operator it hides what is in the developers' environment, but not in the operator's image."""

import sys
from importlib.abc import MetaPathFinder

HIDDEN = {"kubernetes", "kubernetes_asyncio", "pykube", "locust", "gevent"}


class Hide(MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


sys.meta_path.insert(0, Hide())
