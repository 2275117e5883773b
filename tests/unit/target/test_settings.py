import pytest
from loadtest_target.settings import SHOP, Settings, SettingsError, change, from_environment


def test_an_empty_environment_gives_the_shop_as_shipped() -> None:
    assert from_environment({}) == Settings()


def test_each_variable_changes_what_it_names_and_nothing_else() -> None:
    settings = from_environment(
        {
            "TARGET_LATENCY": "search=250ms/0.1, home=1s",
            "TARGET_SLOWDOWN": "search=1.5,checkout=2",
            "TARGET_ERRORS": "cart=0.05,item=10%",
            "TARGET_SEED": "7",
        }
    )
    search, home = settings.endpoints["search"], settings.endpoints["home"]
    assert (search.median, search.sigma, search.slowdown) == (0.25, 0.1, 1.5)
    assert (home.median, home.sigma) == (1.0, SHOP["home"].sigma)
    assert settings.endpoints["cart"].errors == 0.05
    assert settings.endpoints["item"].errors == pytest.approx(0.1)
    assert settings.seed == 7


def test_all_names_every_endpoint() -> None:
    settings = from_environment({"TARGET_SLOWDOWN": "all=3,home=1"})
    assert {name: e.slowdown for name, e in settings.endpoints.items()} == dict.fromkeys(SHOP, 3.0) | {"home": 1.0}


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("TARGET_SLOWDOWN", "search", 'TARGET_SLOWDOWN: \'search\' is not "endpoint=value", for example "search=1.5".'),
        ("TARGET_SLOWDOWN", "search=fast", "TARGET_SLOWDOWN: search: 'fast' is not a slowdown factor between 0.01 and"),
        ("TARGET_ERRORS", "cart=5", "TARGET_ERRORS: cart: '5' is not a share of errors between 0 and 1."),
        ("TARGET_ERRORS", "cart=101%", "TARGET_ERRORS: cart: '101' is not a percentage between 0 and 100."),
        ("TARGET_LATENCY", "home=5", "TARGET_LATENCY: home: '5' is not a latency; write it with its unit"),
        ("TARGET_LATENCY", "home=5ms/wide", "TARGET_LATENCY: home: 'wide' is not a spread (sigma) between 0 and 3."),
        (
            "TARGET_LATENCY",
            "basket=5ms",
            "TARGET_LATENCY: there is no endpoint 'basket'; known are home, search, item,",
        ),
        ("TARGET_SEED", "lucky", "TARGET_SEED: 'lucky' is not a whole number."),
    ],
)
def test_a_wrong_value_is_answered_with_place_value_and_way_out(variable: str, value: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as error:
        from_environment({variable: value})
    assert str(error.value).startswith(sentence)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"slow": {}}, "'slow' is unknown; known are latency, slowdown"),
        ({"errors": 0.5}, "errors: 0.5 is not a map"),
        ({"errors": {"cart": True}}, "errors: cart: True is not a share of errors"),
        ({"errors": {"cart": None}}, "errors: cart: None is not a share of errors"),
        ({"errors": {"cart": float("nan")}}, "errors: cart: nan is not a share of errors"),
        ({"healthy": "no"}, "healthy: 'no' is neither true nor false."),
    ],
)
def test_a_wrong_change_at_run_time_is_refused_in_words(asked: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError) as error:
        change(Settings(), asked)
    assert str(error.value).startswith(sentence)
