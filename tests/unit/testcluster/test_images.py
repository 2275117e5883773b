"""Images are written by hand: what a reader of them will insist on, and what makes them reproducible."""

import io
import json
import tarfile
from pathlib import Path

from tests.testcluster import baseimage, layer, oci

BASE = oci.Layer("sha256:" + "a" * 64, 100)


def archive(tmp_path: Path, tar: bytes) -> dict[str, bytes]:
    layers = [BASE, oci.Layer(oci.digest_of(tar), len(tar))]
    path = tmp_path / "image.tar"
    oci.write_archive(path, "localhost/x:1", oci.config(layers, {"User": "1"}), layers, [tar])
    with tarfile.open(path) as written:
        return {member.name: written.extractfile(member).read() for member in written.getmembers()}  # type: ignore[union-attr]


def test_the_same_files_give_the_same_layer(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x")
    assert oci.tar_of({"b/a": file, "c": b"y"}) == oci.tar_of({"c": b"y", "b/a": b"x"})


def test_folders_come_by_themselves_and_programs_are_executable() -> None:
    with tarfile.open(fileobj=io.BytesIO(oci.tar_of({"a/b/c": b"x"}, executable=["a/b/c"]))) as tar:
        members = {member.name: member for member in tar.getmembers()}
    assert list(members) == ["a", "a/b", "a/b/c"]
    assert members["a"].isdir()
    assert members["a/b/c"].mode == 0o755
    assert {member.mtime for member in members.values()} == {0}


def test_every_digest_leads_to_its_blob_but_for_the_base_which_the_reader_has(tmp_path: Path) -> None:
    tar = oci.tar_of({"a": b"x"})
    files = archive(tmp_path, tar)
    entry = json.loads(files["index.json"])["manifests"][0]
    assert entry["annotations"]["io.containerd.image.name"] == "localhost/x:1"
    manifest = json.loads(files["blobs/sha256/" + entry["digest"][7:]])
    config = json.loads(files["blobs/sha256/" + manifest["config"]["digest"][7:]])
    assert config["rootfs"]["diff_ids"] == [one["digest"] for one in manifest["layers"]]
    assert "blobs/sha256/" + BASE.digest[7:] not in files
    assert files["blobs/sha256/" + manifest["layers"][1]["digest"][7:]] == tar


def test_an_edit_changes_the_tag_and_compiled_files_do_not(tmp_path: Path) -> None:
    package = tmp_path / "loadtest_agent"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("A = 1\n")
    first = layer.tag("base", layer.read(layer.sources(tmp_path)))
    (package / "__pycache__/x.pyc").write_bytes(b"")
    assert layer.tag("base", layer.read(layer.sources(tmp_path))) == first
    assert layer.tag("other base", layer.read(layer.sources(tmp_path))) != first
    (package / "__init__.py").write_text("A = 2\n")
    assert layer.tag("base", layer.read(layer.sources(tmp_path))) != first


def test_the_layer_has_the_version_and_the_commands() -> None:
    text = '[project]\nname = "loadtest-operator"\nversion = "1.2"\nscripts = {loadtest = "a.b:main"}\n'
    files = layer.read(layer.metadata(text))
    assert b"Version: 1.2\n" in files["opt/loadtest/loadtest_operator-1.2.dist-info/METADATA"]
    assert files["opt/venv/bin/loadtest"].startswith(b"#!/opt/venv/bin/python3\n")
    assert b"from a.b import main" in files["opt/venv/bin/loadtest"]


def test_a_known_image_is_not_built_again(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "base-abc").mkdir()
    (tmp_path / "base-abc/layer.json").write_text(json.dumps({"digest": BASE.digest, "size": BASE.size}))
    monkeypatch.setattr(baseimage, "ensure", lambda: baseimage.Base(tmp_path / "base-abc"))

    def load(path: Path) -> None:
        raise AssertionError("imported again")

    assert layer.ensure(lambda ref: True, load).startswith("localhost/loadtest-operator:")


def test_the_base_image_changes_with_its_requirements() -> None:
    assert baseimage.key(b"a") != baseimage.key(b"b")


def test_the_image_runs_as_a_numeric_user_that_is_not_root() -> None:
    assert baseimage.RUN["User"] == "10001:10001"
