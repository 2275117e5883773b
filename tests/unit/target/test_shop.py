import json
import math
import statistics
from collections.abc import Mapping

from loadtest_target.settings import Settings, from_environment
from loadtest_target.shop import Shop
from loadtest_target.wire import Request, Response

NOON = 1_795_262_400.0


def shop(environ: Mapping[str, str] | None = None) -> Shop:
    return Shop(from_environment(environ or {}), now=lambda: NOON)


def ask(target: Shop, path: str, method: str = "GET", body: object = None) -> Response:
    response = target.answer(Request(method, path, b"" if body is None else json.dumps(body).encode(), keep_alive=True))
    if response.answered:
        response.answered(response.status)
    return response


def latencies(target: Shop, path: str, n: int = 2000) -> list[float]:
    return [ask(target, path).after_seconds for _ in range(n)]


def test_latency_is_log_normal_around_the_median_with_the_spread_that_was_asked_for() -> None:
    logs = [math.log(seconds) for seconds in latencies(shop({"TARGET_LATENCY": "search=20ms/0.4"}), "/search")]
    assert abs(statistics.median(logs) - math.log(0.02)) < 0.03
    assert abs(statistics.stdev(logs) - 0.4) < 0.03


def test_the_same_seed_gives_the_same_sequence_whatever_else_is_asked() -> None:
    alone, busy = shop(), shop()
    expected = latencies(alone, "/item", 50)
    seen = []
    for _ in range(50):
        ask(busy, "/home")
        seen.append(ask(busy, "/item").after_seconds)
    assert seen == expected
    assert latencies(shop({"TARGET_SEED": "2"}), "/item", 50) != expected


def test_a_slowdown_scales_every_latency_and_only_of_its_endpoint() -> None:
    plain, slow = shop(), shop({"TARGET_SLOWDOWN": "search=2"})
    assert latencies(slow, "/search", 20) == [2 * seconds for seconds in latencies(plain, "/search", 20)]
    assert latencies(slow, "/cart", 20) == latencies(plain, "/cart", 20)


def test_errors_come_at_their_rate_and_leave_the_latencies_alone() -> None:
    plain, faulty = shop(), shop({"TARGET_ERRORS": "cart=0.25"})
    answers = [ask(faulty, "/cart") for _ in range(2000)]
    assert 0.22 < sum(answer.status == 503 for answer in answers) / 2000 < 0.28
    assert [answer.after_seconds for answer in answers] == latencies(plain, "/cart")


def test_every_endpoint_answers_any_usual_method_and_an_order_is_created() -> None:
    target = shop()
    for name in Settings().endpoints:
        assert ask(target, f"/{name}").status == 200
        assert ask(target, f"/{name}/17?x=1", "PUT", {}).status == 200
    assert ask(target, "/checkout", "POST", {"item": 1}).status == 201
    assert ask(target, "/home", "BREW").status == 405


def test_an_unknown_path_is_not_found_and_says_what_there_is() -> None:
    answer = ask(shop(), "/basket")
    assert answer.status == 404
    assert b"/checkout" in answer.body


def test_stats_count_what_was_asked_per_endpoint_and_status() -> None:
    target = shop({"TARGET_ERRORS": "cart=1"})
    for path in ("/home", "/home", "/cart", "/nowhere", "/healthz", "/_stats", "/"):
        ask(target, path)
    stats = json.loads(ask(target, "/_stats").body)
    assert stats["requests"] == 4
    assert stats["errors"] == 2
    assert stats["first"] == stats["last"] == NOON
    assert stats["endpoints"]["home"] == {"requests": 2, "statuses": {"200": 2}, "first": NOON, "last": NOON}
    assert stats["endpoints"]["cart"]["statuses"] == {"503": 1}
    assert b'target_requests_total{endpoint="cart",status="503"} 1\n' in ask(target, "/metrics").body


def test_resetting_the_stats_answers_what_was_counted_and_begins_anew() -> None:
    target = shop()
    ask(target, "/home")
    assert json.loads(ask(target, "/_stats", "DELETE").body)["requests"] == 1
    assert json.loads(ask(target, "/_stats").body)["requests"] == 0


def test_control_changes_a_running_shop_and_delete_takes_it_back() -> None:
    target = shop({"TARGET_SLOWDOWN": "home=2"})
    answer = ask(target, "/_control", "POST", {"errors": {"cart": 1}, "latency": {"home": "1ms/0"}, "healthy": False})
    assert json.loads(answer.body)["endpoints"]["cart"]["errors"] == 1
    assert ask(target, "/cart").status == 503
    assert ask(target, "/home").after_seconds == 0.002
    assert ask(target, "/healthz").status == 503
    ask(target, "/_control", "DELETE")
    assert ask(target, "/cart").status == 200
    assert ask(target, "/healthz").status == 200
    assert json.loads(ask(target, "/_control").body)["endpoints"]["home"]["slowdown"] == 2


def test_control_refuses_what_it_cannot_use_and_changes_nothing() -> None:
    target = shop()
    refused = ask(target, "/_control", "PUT", {"errors": {"cart": 1}, "slowdown": {"cart": "very"}})
    assert refused.status == 400
    assert b"'very' is not a slowdown factor" in refused.body
    assert target.settings == Settings()
    assert ask(target, "/_control", "POST", [1]).status == 400
    assert target.answer(Request("POST", "/_control", b"{", keep_alive=True)).status == 400
    assert target.answer(Request("POST", "/_control", b"\xff", keep_alive=True)).status == 400
