"""The HTML report: everything that is known is in it, whatever is missing, and nothing that a user wrote is markup."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from loadtest_operator.model.phases import ComparisonResult, Verdict
from loadtest_operator.report import html
from loadtest_operator.report.content import Content

from tests.unit.report.contents import LIMITS, REGRESSED, content, with_failures
from tests.unit.verdict.records import cell, record_of, steady, window

HOSTILE = "<script>alert('1')</script>\"><b>&amp;"
VOID = {"meta", "link"}
LEAVES = {"rect", "path"}


class Tree(HTMLParser):
    """Every tag that opens closes again, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.seen}


def told(found: Content) -> str:
    """The page's text as a person reads it."""
    text = html.render(found)
    Tree(text)
    body = text[text.index("<body") :]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_verdict_sentence_facts_and_figures_are_told():
    text = told(content(with_failures(), *LIMITS))
    for words in (
        "✕ Failed errorRate is 3.05%, over its limit of 1%; 1 of 4 thresholds failed A limit is crossed.",
        "Target http://shop.staging:8080 Version 1.4.2 Began 2026-",
        "Load for 24s Warm-up 3s Users 50 Workers 2",
        "Requests 10,106 Failed 308 Error rate 3.05% Throughput 481.2/s",
        "checkout stays quick ✓ Passed 102ms – 120ms",
        "GET /home 2,289 291 12.71%",
        "All endpoints 10,106 308",
        "HTTP 503 GET /home 412 12.1s 17.9s upstream connect error",
        "✓ Yes The load generator kept up",
    ):
        assert words in text
    assert "Compared with" not in text


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_is_explained_and_has_a_sign_beside_its_colour(verdict):
    found = content(verdict=str(verdict))
    assert html.MEANINGS[verdict] in told(found)
    assert re.search(rf"[✓✕!] {verdict} ", told(found))


def test_a_comparison_shows_result_baseline_and_each_finding_with_its_interval():
    found = content(comparison=REGRESSED)
    text = told(found)
    assert "✕ Regressed Baseline: 8 runs of loadtest/shop, at least 3 needed. A change of 4.1% or more" in text
    assert "GET /search p95 ✕ Regressed +19.6% +14.2% to +25.3% 0.001" in text
    assert "GET /home p95 ✓ Improved -8.1% -11% to -5.2% 0.01" in text
    # A difference of error rates has no place on the scale of relative changes.
    assert html.render(found).count('class="interval ') == len(REGRESSED["findings"]) - 1


@pytest.mark.parametrize("result", list(ComparisonResult))
def test_a_comparison_without_findings_shows_its_result_alone(result):
    text = told(content(comparison={"result": str(result), "runs": 1, "needed": 3}))
    assert f"{result} Baseline: 1 run, at least 3 needed." in text
    assert "95 % interval" not in text


@pytest.mark.parametrize(
    "finding", [{}, {"change": "+12%"}, {"change": "n/a", "low": "", "high": None, "metric": "p95"}]
)
def test_a_finding_that_is_not_complete_is_shown_as_far_as_it_goes(finding):
    text = told(content(comparison={"result": "Warning", "findings": [finding]}))
    assert "All endpoints" in text
    assert "None" not in text


def test_a_run_that_broke_before_it_measured_anything_has_a_report():
    empty = Content(run="shop-1", test="shop", namespace="local", number=1, verdict="Error", message="ScriptError: no")
    text = told(empty)
    assert "✕ Error ScriptError: no The run broke." in text
    assert "There are no charts: nothing was measured." in text


def test_a_record_without_windows_has_a_report():
    assert "Over time" not in told(content(record_of(duration_s=0)))


def test_when_the_windows_are_gone_the_figures_of_the_verdict_remain():
    text = told(replace(content(with_failures(), *LIMITS), record=None))
    assert "the windows of this run are not kept any more" in text
    assert "GET /home 2,289 291 12.71%" in text
    assert "HTTP" in text


def test_a_run_that_was_stopped_by_hand_is_called_cancelled():
    text = told(content(phase="Cancelled"))
    assert "✕ Cancelled" in text
    assert "Stopped by hand" in text


def test_everything_that_a_user_wrote_is_escaped():
    rows = steady(3, cell(f"GET {HOSTILE}"), failures=[{"method": "GET", "name": HOSTILE, "kind": HOSTILE, "n": 1}])
    finding = {"endpoint": HOSTILE, "metric": HOSTILE, "change": HOSTILE, "result": HOSTILE}
    found = content(rows, comparison={"result": HOSTILE, "series": HOSTILE, "findings": [finding]})
    texts = dict.fromkeys(("run", "test", "namespace", "series", "target", "version", "message"), HOSTILE)
    limit = {"name": HOSTILE, "result": HOSTILE, "value": HOSTILE}
    doubts = {"valid": False, "reasons": [HOSTILE]}
    text = html.render(replace(found, thresholds=[limit], validity=doubts, **texts))
    assert "script" not in Tree(text).tags()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 12


def test_a_name_with_half_a_character_can_be_written():
    assert "GET /?" in html.render(content(steady(3, cell("GET /\ud800")))).encode("utf-8").decode()


def test_charts_are_drawn_from_one_window_on_and_say_what_they_show():
    tree = Tree(html.render(content(steady(1))))
    assert [attrs["id"] for tag, attrs in tree.seen if tag == "figure"] == [
        "throughput",
        "latency",
        "users",
        "cpu",
        "distribution",
    ]
    labelled = [attrs for tag, attrs in tree.seen if tag == "svg" and attrs.get("role") == "img"]
    ids = {attrs.get("id") for tag, attrs in tree.seen if tag in {"title", "desc"}}
    assert len(labelled) == 5
    assert all(set(attrs["aria-labelledby"].split()) <= ids for attrs in labelled)


def test_a_run_in_which_everything_failed_has_no_latencies_to_draw():
    text = html.render(content(steady(3, cell("GET /", (), failed=[0.01]))))
    assert 'id="throughput"' in text
    assert 'id="latency"' not in text
    assert 'id="distribution"' not in text


def test_no_coordinate_is_not_a_number():
    for found in (steady(1), record_of(window(0), window(9, cell())), with_failures()):
        text = html.render(content(found))
        assert not re.search(r"\b(nan|inf)\b", text)


def test_five_hundred_endpoints_over_a_whole_hour_stay_below_a_megabyte():
    cells = [cell(f"GET /a/rather/long/path/of/a/service/{n}/with/more", [0.05], failed=[0.01]) for n in range(500)]
    long = record_of(
        *(window(w, *(cells if w < 2 else cells[:2])) for w in range(360)), window_s=10, duration_s=3600, warmup_s=60
    )
    assert len(html.render(content(long)).encode()) < 1_000_000


def test_the_same_run_gives_the_same_page():
    assert html.render(content()) == html.render(content())
