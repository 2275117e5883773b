"""`loadtest run` with real Locust processes against a real target, on loopback."""

import asyncio
import json
import signal
import urllib.request
from pathlib import Path

import psutil

from tests.local import command, waiting
from tests.support import prometheus


def inline(script: str) -> dict:
    return {"scenario": {"locust": {"inline": script}}}


def control(url: str, **asked: object) -> None:
    request = urllib.request.Request(f"{url}/_control", data=json.dumps(asked).encode(), method="POST")
    urllib.request.urlopen(request, timeout=10).close()


async def line_with(process: asyncio.subprocess.Process, text: str) -> str:
    """Reads what the command shows until a line has this in it."""
    assert process.stdout
    seen = ""
    async with asyncio.timeout(command.DEADLINE):
        while True:
            line = (await process.stdout.readline()).decode()
            seen += line
            assert line, f"{text!r} never came:\n{seen}"
            if text in line:
                return line


async def test_a_run_within_its_limits_passes_is_stored_and_exits_0(tmp_path: Path) -> None:
    async with command.target() as url:
        file = command.test_file(tmp_path, url)
        code, found = await command.result(tmp_path, "-f", str(file))
    assert (code, found["verdict"], found["phase"]) == (0, "Passed", "Completed"), found
    assert found["gate"] == {"passes": True, "exitCode": 0}
    assert {one["name"] for one in found["endpoints"]} == {"GET home", "GET cart"}
    assert found["summary"]["requests"] > 50
    code, out, _ = await command.loadtest(tmp_path, "history", "shop", "-o", "json")
    (kept,) = json.loads(out)
    assert (code, kept["id"], kept["number"], kept["verdict"]) == (0, found["run"]["id"], 1, "Passed")
    page = Path(found["report"])
    assert page == tmp_path / "loadtest" / "reports" / f"{kept['id']}.html"
    assert "GET cart" in await asyncio.to_thread(page.read_text)


async def test_the_demo_finds_what_became_slower(tmp_path: Path) -> None:
    short = ["load.duration=6s", "load.warmup=1s", "load.ramp=500ms", "thresholds=[{metric: errorRate, fail: 5%}]"]
    told = [f"--set={one}" for one in short]
    code, out, err = await command.loadtest(tmp_path, "demo", "--runs=3", "--slower=search=3", "-o", "json", *told)
    assert out, err
    found = json.loads(out)
    assert (code, found["verdict"]) == (3, "Regressed"), err
    worst = found["comparison"]["findings"][0]
    assert (worst["endpoint"], worst["result"], found["comparison"]["runs"]) == ("GET search", "Regressed", 3)
    assert found["message"].startswith(f"{worst['metric']} of GET search +")
    assert "3 of 3: Passed" in err
    assert "GET search" in await asyncio.to_thread(Path(found["report"]).read_text)


async def test_the_demo_of_an_unchanged_shop_opens_the_gate(tmp_path: Path) -> None:
    short = ["load.duration=4500ms", "load.warmup=1s", "load.ramp=500ms", "thresholds=[{metric: errorRate, fail: 1%}]"]
    code, out, err = await command.loadtest(
        tmp_path, "demo", "--runs=1", "--slower=", "-o", "json", *(f"--set={one}" for one in short)
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["verdict"] in {"Passed", "Inconclusive"}  # one short run is a poor baseline
    names = ["GET home", "GET item", "GET search", "POST cart", "POST checkout"]
    assert sorted(one["name"] for one in found["endpoints"]) == names
    assert "a small shop, is started here" in err


async def test_a_crossed_limit_exits_1_and_the_tables_say_which(tmp_path: Path) -> None:
    async with command.target(TARGET_LATENCY="cart=300ms/0.05") as url:
        limits = [{"metric": "p95", "endpoint": "GET cart", "fail": "100ms"}, {"metric": "rps", "fail": "1/s"}]
        file = command.test_file(tmp_path, url, thresholds=limits)
        code, out, _ = await command.loadtest(tmp_path, "run", "-f", str(file))
    assert code == 1, out
    assert "users, " in out
    assert "p95 of GET cart  Failed" in out
    assert "\nFailed: p95 of GET cart is 3" in out
    assert out.endswith("exit code 1: the gate is closed, a limit is crossed\n")


async def test_a_query_is_put_to_the_prometheus_that_is_named_and_without_one_it_is_unknown(tmp_path: Path) -> None:
    asked = [{"name": "queue", "promql": "vector(7)", "reduce": "max", "fail": "5"}]
    with prometheus.running(tmp_path, []) as server:
        async with command.target() as url:
            file = str(command.test_file(tmp_path, url, thresholds=asked))
            code, found = await command.result(tmp_path, "-f", file, "--prometheus", server.url)
            assert (code, found["verdict"]) == (1, "Failed"), found
            assert "queue (its query) is 7, over its limit of 5" in found["message"]
            code, found = await command.result(tmp_path, "-f", file)
    assert (code, found["verdict"]) == (0, "Inconclusive"), found
    assert "name a Prometheus with --prometheus URL" in found["message"]


async def test_errors_that_begin_in_mid_run_are_counted_and_named(tmp_path: Path) -> None:
    async with command.target() as url:
        file = command.test_file(tmp_path, url)
        process = await command.start(tmp_path, "run", "-f", str(file))
        await line_with(process, "of load")
        await asyncio.to_thread(control, url, errors={"cart": 1})
        code, out, _ = await command.ended(process)
    assert code == 1, out
    assert "errorRate  Failed" in out
    assert "HTTP 503" in out


async def test_a_script_that_fails_on_import_shows_the_scripts_own_error(tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    async with command.target() as url:
        file = command.test_file(tmp_path, url, **inline("from locust import User\n\nclass A(HttpUsr): pass\n"))
        code, found = await command.result(tmp_path, "-f", str(file), "--report", str(page))
    assert (code, found["verdict"]) == (5, "Error")
    assert "NameError: name 'HttpUsr' is not defined" in found["message"]
    assert "locustfile.py:3" in found["message"]
    assert "locustfile.py:3" in await asyncio.to_thread(page.read_text)


async def test_a_target_that_is_not_there_is_an_error_after_its_time_out(tmp_path: Path) -> None:
    target = {"url": "http://127.0.0.1:9", "health": {"timeout": "1s"}}
    file = command.test_file(tmp_path, "", target=target)
    code, found = await command.result(tmp_path, "-f", str(file))
    assert (code, found["verdict"]) == (5, "Error")
    assert found["message"].startswith("TargetUnreachable: ")
    assert "127.0.0.1:9" in found["message"]


async def test_a_target_command_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    file = command.test_file(tmp_path, "http://127.0.0.1:9")
    code, found = await command.result(tmp_path, "-f", str(file), "--target-command", "ls /no/such/folder")
    assert (code, found["verdict"]) == (5, "Error")
    assert "target ended with exit code 2" in found["message"]
    assert "/no/such/folder" in found["message"]


async def test_ctrl_c_ends_the_load_and_keeps_what_was_measured(tmp_path: Path) -> None:
    async with command.target() as url:
        file = command.test_file(tmp_path, url)
        process = await command.start(tmp_path, "run", "-f", str(file), "--set", "load.duration=2m")
        while "p95" not in await line_with(process, "of load"):
            pass
        process.send_signal(signal.SIGINT)
        code, out, _ = await command.ended(process)
    assert code == 130, out
    assert "GET home" in out
    assert "Cancelled: stopped by hand" in out
    _, out, _ = await command.loadtest(tmp_path, "history", "shop")
    assert "Cancelled" in out


async def test_ctrl_c_twice_ends_everything_at_once(tmp_path: Path) -> None:
    async with command.target() as url:
        script = "import time\nfrom locust import User, task\nclass A(User):\n @task\n def t(self): time.sleep(600)\n"
        file = command.test_file(tmp_path, url, **inline(script))
        process = await command.start(tmp_path, "run", "-f", str(file))
        await line_with(process, "of load")
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        await line_with(process, "Ctrl-C again")
        process.send_signal(signal.SIGINT)
        code, out, _ = await command.ended(process)
    assert code == 130
    assert "ended at once; nothing was kept" in out
    await asyncio.to_thread(waiting.until_gone, family)


async def test_kill_9_of_the_command_leaves_no_load_behind(tmp_path: Path) -> None:
    async with command.target() as url:
        file = command.test_file(tmp_path, url)
        process = await command.start(tmp_path, "run", "-f", str(file), "--set", "load.duration=1h")
        await line_with(process, "of load")
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 4  # master and worker, each with its keeper
        process.kill()
        await command.ended(process)
        await asyncio.to_thread(waiting.until_gone, family)


async def test_a_config_map_in_the_same_file_brings_the_script_and_its_modules(tmp_path: Path) -> None:
    script = (
        "import os\nfrom locust import FastHttpUser, constant, task\nfrom pages import PAGE\n"
        "class A(FastHttpUser):\n wait_time = constant(0.1)\n"
        " @task\n def t(self): self.client.get(PAGE + os.environ['Q'])\n"
    )
    async with command.target() as url:
        scenario = {"locust": {"configMap": {"name": "scripts"}}, "env": [{"name": "Q", "value": "?q=1"}]}
        file = command.test_file(tmp_path, url, scenario=scenario)
        data = {"locustfile.py": script, "pages.py": "PAGE = '/item'\n"}
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "scripts"}, "data": data}
        with file.open("a") as end:
            end.write("---\n" + json.dumps(config_map))
        code, found = await command.result(tmp_path, "-f", str(file))
    assert (code, found["verdict"]) == (0, "Passed"), found
    assert [one["name"] for one in found["endpoints"]] == ["GET /item?q=1"]
