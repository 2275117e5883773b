"""The key that attempts' tokens derive from: one Secret in the operator's namespace, made once and kept."""

import base64
import secrets

from loadtest_operator.io import agent as protocol
from loadtest_operator.io.kube import SECRETS, AlreadyExists, Kube, NotFound

NAME = "loadtest-operator-token-key"
FIELD = "key"
BYTES = 32


class Tokens:
    """Of all attempts. Their key is read before anything is decided, and not again."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key

    async def unlock(self, kube: Kube, namespace: str, instance: str) -> None:
        self._key = await load(kube, namespace, instance)

    def of(self, fence: str) -> str:
        return protocol.token(self._key, fence)


async def load(kube: Kube, namespace: str, instance: str) -> bytes:
    name = NAME if instance == "loadtest-operator" else f"{instance}-token-key"
    try:
        return _read(await kube.get(SECRETS, namespace, name))
    except NotFound:
        key = secrets.token_bytes(BYTES)
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "loadtest-operator"},
        },
        "type": "Opaque",
        "immutable": True,
        "data": {FIELD: base64.b64encode(key).decode()},
    }
    try:
        return _read(await kube.create(body))
    except AlreadyExists:  # another process was quicker: its key is the key
        return _read(await kube.get(SECRETS, namespace, name))


def _read(secret: dict[str, dict[str, str]]) -> bytes:
    return base64.b64decode(secret["data"][FIELD])
