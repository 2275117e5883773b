"""The last word of a pod that broke."""

from loadtest_agent import main


def test_of_an_unexpected_error_the_error_itself_comes_first(monkeypatch, tmp_path, capsys):
    def deep(path, left=40):
        if left:
            deep(path, left - 1)
        raise RuntimeError("boom " * 3)

    ended = []
    monkeypatch.setattr(main.configuration, "read", deep)
    monkeypatch.setattr(main, "_end", ended.append)
    monkeypatch.setattr(main.signal, "signal", lambda *_: None)
    monkeypatch.setenv("LOADTEST_TERMINATION_LOG", str(tmp_path / "log"))
    main.main(["--config", "none.json", "--role", "worker"])
    said = capsys.readouterr().err
    assert said.startswith("InternalError: RuntimeError: boom boom boom")
    assert "in deep" in said
    assert ended
