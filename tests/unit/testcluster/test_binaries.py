"""Programs are cached by what determines them, and each is built once."""

import pytest

from tests.testcluster import binaries, gotool, paths, shell

GO = gotool.Go(binaries.Path("/usr/bin/go"), (1, 26, 8))


def test_the_cache_key_changes_with_each_of_its_parts() -> None:
    keys = {
        binaries.cache_key(b"mod", b"sum", "go1.26.8"),
        binaries.cache_key(b"mod2", b"sum", "go1.26.8"),
        binaries.cache_key(b"mod", b"sum2", "go1.26.8"),
        binaries.cache_key(b"mod", b"sum", "go1.26.9"),
        binaries.cache_key(b"mods", b"um", "go1.26.8"),
    }
    assert len(keys) == 5


def test_etcd_is_called_etcd_although_go_calls_it_server() -> None:
    package = "go.etcd.io/etcd/server/v3"
    assert (binaries.program(package), binaries.built_name(package)) == ("etcd", "server")


def test_all_programs_come_from_exactly_one_batch() -> None:
    assert len(set(binaries.ALL_PROGRAMS)) == len(binaries.ALL_PROGRAMS)
    assert set(binaries.API_PROGRAMS) <= set(binaries.ALL_PROGRAMS)


def test_the_batches_that_the_api_tests_wait_for_are_built_first() -> None:
    first = {name for batch in binaries.BATCHES[:2] for name in batch.programs}
    assert first == set(binaries.API_PROGRAMS)


def test_every_package_is_a_tool_of_its_module() -> None:
    for batch in (*binaries.BATCHES, binaries.KIND):
        go_mod = (paths.GO_MODULES / batch.module / "go.mod").read_text()
        assert all(package in go_mod for package in batch.packages if package != ".")


def test_kubernetes_is_told_its_version() -> None:
    flags = binaries.linker_flags(
        "module m\nrequire (\n\tk8s.io/kubernetes v1.36.3\n)\nreplace k8s.io/api => k8s.io/api v0\n"
    )
    assert flags.endswith("gitVersion=v1.36.3")
    assert binaries.linker_flags("module m\n") == "-s -w"


def test_the_module_that_we_pin_has_that_version() -> None:
    text = (paths.GO_MODULES / "kubernetes/go.mod").read_text()
    assert "gitVersion=v1.36." in binaries.linker_flags(text)


def test_a_program_that_is_there_is_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: binaries.Path) -> None:
    built: list[binaries.Batch] = []

    def build(batch: binaries.Batch, folder: binaries.Path, go: gotool.Go) -> None:
        built.append(batch)
        for name in batch.programs:
            (folder / name).touch()

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(gotool, "find", lambda: GO)
    monkeypatch.setattr(binaries, "_build", build)
    first = binaries.ensure(["etcd"])
    second = binaries.ensure(["etcd", "kubectl"])
    assert first["etcd"] == second["etcd"]
    assert [batch.module for batch in built] == ["kubernetes"]
    assert built[0].programs == ("kube-apiserver", "etcd", "kubectl")


def test_an_unknown_program_is_named() -> None:
    with pytest.raises(shell.ClusterUnavailable, match="nonsense"):
        binaries.ensure(["nonsense"])
