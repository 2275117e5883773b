"""Writing image archives in the OCI layout: deterministic, and with no more blobs than the reader lacks."""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
NAME = "io.containerd.image.name"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Layer:
    """Not compressed, so that its digest is also its diff id and nobody spends time on gzip."""

    digest: str
    size: int

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": LAYER, "digest": self.digest, "size": self.size}


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_of(tar: Path) -> Layer:
    with tar.open("rb") as file:
        return Layer("sha256:" + hashlib.file_digest(file, "sha256").hexdigest(), tar.stat().st_size)


def config(layers: Iterable[Layer], run: Mapping[str, Any]) -> bytes:
    """`run` is what Dockerfiles call ENV, USER, CMD and so on."""
    content = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": dict(run),
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
    }
    return json.dumps(content, sort_keys=True).encode()


def manifest(configuration: bytes, layers: Iterable[Layer]) -> bytes:
    content = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": digest_of(configuration), "size": len(configuration)},
        "layers": [layer.descriptor for layer in layers],
    }
    return json.dumps(content, sort_keys=True).encode()


def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without what differs from build to build: times and names of users. Numbers of users stay."""
    member.mtime = 0
    member.uname = member.gname = ""
    return member


def owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.mode = 0o755 if member.isdir() or member.mode & 0o111 else 0o644
    return plain(member)


def tar_of(files: Mapping[str, Path | bytes], executable: Iterable[str] = ()) -> bytes:
    """A small layer: names without a leading slash to content; folders come by themselves."""
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    runnable = set(executable)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(folders):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
        for name, content in sorted(files.items()):
            data = content.read_bytes() if isinstance(content, Path) else content
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755 if name in runnable else 0o644
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def write_archive(
    path: Path, ref: str, configuration: bytes, layers: Iterable[Layer], contents: Iterable[Path | bytes]
) -> None:
    """`contents` are the layers' tars; those that the reader has already may be left out."""
    described = manifest(configuration, layers)
    entry = {"mediaType": MANIFEST, "digest": digest_of(described), "size": len(described), "annotations": {NAME: ref}}
    index = {"schemaVersion": 2, "manifests": [entry]}
    with tarfile.open(path, mode="w", format=tarfile.GNU_FORMAT) as tar:
        _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(tar, "index.json", json.dumps(index, sort_keys=True).encode())
        for blob in (described, configuration):
            _add(tar, _blob(digest_of(blob)), blob)
        for content in contents:
            if isinstance(content, bytes):
                _add(tar, _blob(digest_of(content)), content)
            else:
                _add_file(tar, _blob(layer_of(content).digest), content)


def _blob(digest: str) -> str:
    return "blobs/sha256/" + digest.removeprefix("sha256:")


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))


def _add_file(tar: tarfile.TarFile, name: str, content: Path) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = content.stat().st_size, 0o644
    with content.open("rb") as file:
        tar.addfile(member, file)
