"""The HTML report in a real browser. The screenshots stay in build/page, for people to look at."""

from dataclasses import replace
from pathlib import Path

import pytest
from loadtest_operator.report import html

from tests.page import browser
from tests.unit.report import contents

KEPT = Path(__file__).parents[2] / "build" / "page"
HOSTILE = "</td><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


def written(name: str, content: html.Content) -> Path:
    KEPT.mkdir(parents=True, exist_ok=True)
    file = KEPT / f"{name}.html"
    file.write_text(html.render(content), encoding="utf-8")
    return file


@pytest.fixture
def full() -> html.Content:
    return contents.content(contents.with_failures(), *contents.LIMITS, comparison=contents.REGRESSED)


async def test_the_page_complains_about_nothing_and_asks_for_nothing(full: html.Content) -> None:
    file = written("report", full)
    async with browser.page() as page:
        await page.open(file)
        assert await page.value("document.querySelectorAll('figure svg').length") == 5
    assert page.complaints == []
    assert page.requests == [file.as_uri()]


async def test_it_fits_every_width_in_light_and_dark_and_prints(full: html.Content) -> None:
    file = written("report", full)
    backgrounds = set()
    async with browser.page() as page:
        await page.open(file)
        for width, scheme in LOOKS:
            await page.look(width=width, scheme=scheme)
            (KEPT / f"report-{width}-{scheme}.png").write_bytes(await page.screenshot())
            assert await page.value("document.documentElement.scrollWidth") == width
            backgrounds.add((scheme, await page.value("getComputedStyle(document.body).backgroundColor")))
        (KEPT / "report.pdf").write_bytes(await page.printed())
        printed = await page.value("getComputedStyle(document.body).backgroundColor")
    assert len({colour for _, colour in backgrounds}) == 2
    assert printed == "rgb(255, 255, 255)"


async def test_what_a_user_wrote_is_shown_and_never_run(full: html.Content) -> None:
    record = full.record
    assert record is not None
    named = replace(record, endpoints=tuple(replace(one, name=HOSTILE) for one in record.endpoints[:1]))
    file = written("hostile", replace(full, record=named, test=HOSTILE, message=HOSTILE, target=HOSTILE))
    async with browser.page() as page:
        await page.open(file)
        assert await page.value("document.title") == f"{HOSTILE} #7: Failed"
        assert await page.value("document.querySelectorAll('script, img').length") == 0
        assert await page.value("document.querySelector('.message').textContent") == HOSTILE
    assert page.complaints == []
