"""Where the API server is and who we are there: the pod's service account, or a kubeconfig; without a library."""

import asyncio
import base64
import json
import os
import ssl
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Any

import aiohttp
import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# The kubelet renews a projected token when 80 % of its hour has passed; reading it once a minute is never late.
REREAD_SECONDS = 60.0
EXEC_TIMEOUT_SECONDS = 30.0
CONNECT_SECONDS = 10.0


class CredentialsError(Exception):
    """No way to the API server; the message says what was tried."""


@dataclass
class Access:
    """One API server and our identity there."""

    server: str
    ssl: SSLContext | bool
    namespace: str = "default"
    in_cluster: bool = False
    token: str = ""
    token_file: Path | None = None
    command: tuple[str, ...] = ()
    command_env: Mapping[str, str] = field(default_factory=dict)
    anonymous_ssl: SSLContext | bool | None = None  # without a client certificate, where `ssl` has one
    _read: float = float("-inf")

    def as_bearer(self, token: str) -> "Access":
        """The same server for somebody else. A client certificate would win over the token, so it is left out."""
        tls = self.ssl if self.anonymous_ssl is None else self.anonymous_ssl
        return Access(server=self.server, ssl=tls, token=token)

    async def authorization(self) -> str | None:
        fresh = time.monotonic() - self._read < REREAD_SECONDS and self.token
        if self.token_file is not None and not fresh:
            self.token, self._read = self.token_file.read_text().strip(), time.monotonic()
        elif self.command and not fresh:
            self.token, self._read = await self._ask_command(), time.monotonic()
        return f"Bearer {self.token}" if self.token else None

    def forget(self) -> None:
        """The server did not accept the token: read it again next time."""
        self._read = float("-inf")

    def session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=self.ssl, limit=0, keepalive_timeout=60)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        return aiohttp.ClientSession(connector=connector, timeout=timeout, middlewares=(self._authorize(),))

    def _authorize(self) -> aiohttp.ClientMiddlewareType:
        async def authorize(
            request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
        ) -> aiohttp.ClientResponse:
            header = await self.authorization()
            if header is not None:
                request.headers["Authorization"] = header
            response = await handler(request)
            if response.status == 401:
                self.forget()
            return response

        return authorize

    async def _ask_command(self) -> str:
        """A kubeconfig's exec plugin, as the big clouds use them."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self.command, stdout=asyncio.subprocess.PIPE, env={**os.environ, **self.command_env}
            )
        except OSError as error:
            raise CredentialsError(
                f"{self.command[0]}, the kubeconfig's credential command, does not start: {error}"
            ) from error
        try:
            out, _ = await asyncio.wait_for(process.communicate(), EXEC_TIMEOUT_SECONDS)
            return str(json.loads(out)["status"]["token"])
        except (ValueError, KeyError, TypeError, TimeoutError) as error:
            raise CredentialsError(f"{self.command[0]}, the kubeconfig's credential command, gave no token") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def find(kubeconfig: str | None = None) -> Access:
    """An explicit kubeconfig, else the pod's service account, else $KUBECONFIG, else ~/.kube/config."""
    if kubeconfig:
        return from_kubeconfig(Path(kubeconfig))
    if "KUBERNETES_SERVICE_HOST" in os.environ and (SERVICE_ACCOUNT / "token").exists():
        return from_service_account(SERVICE_ACCOUNT)
    path = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube" / "config")
    if not path.exists():
        raise CredentialsError(f"not in a pod and no kubeconfig at {path}: set KUBECONFIG or give --kubeconfig")
    return from_kubeconfig(path)


def from_service_account(folder: Path) -> Access:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    host = f"[{host}]" if ":" in host else host
    return Access(
        server=f"https://{host}:{port}",
        ssl=ssl.create_default_context(cafile=str(folder / "ca.crt")),
        namespace=(folder / "namespace").read_text().strip(),
        in_cluster=True,
        token_file=folder / "token",
    )


def from_kubeconfig(path: Path) -> Access:
    try:
        config = yaml.safe_load(path.read_text())
        context = _named(config, "contexts", config["current-context"], "context")
        cluster = _named(config, "clusters", context["cluster"], "cluster")
        user = _named(config, "users", context["user"], "user")
        server = str(cluster["server"]).rstrip("/")
        tls = _ssl(path.parent, cluster, user)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, StopIteration) as error:
        raise CredentialsError(f"{path} is not a kubeconfig with a usable current-context: {error!r}") from error
    command = user.get("exec") or {}
    return Access(
        server=server,
        ssl=tls,
        anonymous_ssl=_ssl(path.parent, cluster, {}),
        namespace=context.get("namespace", "default"),
        token=user.get("token", ""),
        token_file=path.parent / user["tokenFile"] if user.get("tokenFile") else None,
        command=(command["command"], *(command.get("args") or ())) if command else (),
        command_env={item["name"]: item["value"] for item in command.get("env") or ()},
    )


def _named(config: Mapping[str, Any], group: str, name: str, field: str) -> dict[str, Any]:
    found: dict[str, Any] | None = next(item[field] for item in config[group] if item["name"] == name)
    return found or {}


def _ssl(folder: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext | bool:
    if str(cluster["server"]).startswith("http://"):
        return True
    # With a CA of its own a cluster is trusted by that CA alone.
    data, file = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
    context = ssl.create_default_context(
        cadata=base64.b64decode(data, validate=True).decode() if data else None,
        cafile=str(folder / file) if file and not data else None,
    )
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "client-certificate-data" in user:
        with tempfile.TemporaryDirectory() as place:
            pair = Path(place, "crt"), Path(place, "key")
            for file, name in zip(pair, ("client-certificate-data", "client-key-data"), strict=True):
                file.touch(mode=0o600)
                file.write_bytes(base64.b64decode(user[name]))
            context.load_cert_chain(*pair)
    elif "client-certificate" in user:
        context.load_cert_chain(folder / user["client-certificate"], folder / user["client-key"])
    return context
