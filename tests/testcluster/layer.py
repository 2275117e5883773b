"""The project as one layer on top of the base image: seconds from an edit to a pod that runs it."""

import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.testcluster import baseimage, oci, paths, shell

NAME = "localhost/loadtest-operator"
PACKAGES = ("loadtest_operator", "loadtest_agent", "loadtest_target")
SCRIPT = """#!{python}
import sys
from {module} import {function}
sys.exit({function}())
"""

Files = dict[str, Path | bytes]
# Hands an archive to wherever the pods run; the second question is whether that is needed.
Load = Callable[[Path], None]
Known = Callable[[str], bool]


def sources(operator: Path) -> Files:
    """Every file of our packages by its path in the image. Compiled files are made anew for the image's Python."""
    found: Files = {}
    for package in PACKAGES:
        for path in sorted((operator / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                found[f"{baseimage.PROJECT}/{path.relative_to(operator)}".lstrip("/")] = path
    return found


def metadata(pyproject: str) -> Files:
    """What pip would add: the version for importlib.metadata, and the commands."""
    project = tomllib.loads(pyproject)["project"]
    name, version = project["name"], project["version"]
    info = f"{baseimage.PROJECT}/{name.replace('-', '_')}-{version}.dist-info".lstrip("/")
    files: Files = {f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()}
    for command, target in project.get("scripts", {}).items():
        module, _, function = target.partition(":")
        text = SCRIPT.format(python=f"{baseimage.VENV}/bin/python3", module=module, function=function)
        files[f"{baseimage.VENV}/bin/{command}".lstrip("/")] = text.encode()
    return files


def read(files: Mapping[str, Path | bytes]) -> dict[str, bytes]:
    """Once, so that an edit in between cannot make the tag and the content differ."""
    return {name: content.read_bytes() if isinstance(content, Path) else content for name, content in files.items()}


def tag(base: str, files: Mapping[str, bytes]) -> str:
    content = hashlib.sha256(base.encode())
    for name, data in sorted(files.items()):
        content.update(f"{name}\0{len(data)}\0".encode() + data)
    return content.hexdigest()[:12]


def ensure(known: Known, load: Load) -> str:
    """The reference of an image with exactly the present code, which is there when this returns."""
    base = baseimage.ensure()
    files = read(sources(paths.REPOSITORY / "operator") | metadata((paths.REPOSITORY / "pyproject.toml").read_text()))
    ref = f"{NAME}:{tag(base.layer.digest, files)}"
    if known(ref):
        return ref
    with shell.lock(paths.lock("image"), "the build of the image"):
        if not known(base.ref):
            with shell.step("importing the base image"):
                load(base.archive)
        if not known(ref):
            with shell.step(f"image {ref}"):
                _build(base, ref, files, load)
    return ref


def _build(base: baseimage.Base, ref: str, files: dict[str, bytes], load: Load) -> None:
    tar = oci.tar_of(files | compiled(base, files), executable=[name for name in files if "/bin/" in name])
    layers = [base.layer, oci.Layer(oci.digest_of(tar), len(tar))]
    with tempfile.TemporaryDirectory(dir=paths.images(), prefix=".layer-") as scratch:
        archive = Path(scratch) / "image.tar"
        # Only the new layer: whoever reads this has the base image already.
        oci.write_archive(archive, ref, oci.config(layers, baseimage.RUN), layers, [tar])
        load(archive)


def compiled(base: baseimage.Base, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Bytecode by the image's own Python, at the paths that it will have there. Called under the lock."""
    project = base.root / baseimage.PROJECT.lstrip("/")
    shutil.rmtree(project, ignore_errors=True)
    for name, data in files.items():
        if name.startswith(f"{baseimage.PROJECT}/".lstrip("/")):
            path = base.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    baseimage.compile_in(base.root, baseimage.PROJECT)
    found = {str(path.relative_to(base.root)): path.read_bytes() for path in project.rglob("*.pyc")}
    shutil.rmtree(project)
    return found
