"""The page in a real browser: sorting, copying, charts by keys, layers, frames, colours, and no request."""

import pytest

from tests.webpage.browser import CHROMIUM, Browser
from tests.webpage.cases import HOSTILE, page
from webpage import render

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render(page(HOSTILE)))
    return file


@pytest.fixture(autouse=True)
def _clean(browser, path):
    """Every test begins with the page as it is opened, and ends without a request or a complaint."""
    browser.open(path)
    browser.run("localStorage.clear(); delete document.documentElement.dataset.theme")
    browser.requests.clear()
    yield
    assert (browser.requests, browser.complaints) == ([], [])


def texts(browser, selector):
    return browser.run(f"[...document.querySelectorAll({selector!r})].map(found => found.textContent)")


def shown(browser):
    """Number of pictures seen of each layer in the first scene."""
    script = """(() => { const seen = {};
    document.querySelectorAll('.scenes li:first-child img').forEach(image => {
        seen[image.dataset.layer] = (seen[image.dataset.layer] || 0) + (getComputedStyle(image).display !== 'none'); });
    return seen; })()"""
    return browser.run(script)


def test_a_header_sorts_numbers_falling_then_rising_and_absent_ones_stay_last(browser):
    first = ".data tbody tr td:nth-child(2)"
    press = "document.querySelectorAll('.data thead button')[1].click()"
    browser.run(press)
    assert [text[:4] for text in texts(browser, f"section > .scroll:nth-of-type(1) {first}")] == ["0.51", "0.30", "–"]
    browser.run(press)
    assert [text[:4] for text in texts(browser, f"section > .scroll:nth-of-type(1) {first}")] == ["0.30", "0.51", "–"]
    assert browser.run("document.querySelectorAll('.data thead th')[1].getAttribute('aria-sort')") == "ascending"


def test_names_sort_by_the_keyboard_with_their_numbers_in_order(browser):
    browser.run("document.querySelector('.data thead button').focus()")
    browser.press("Enter")
    names = texts(browser, ".data tbody th[data-value]")[:3]
    assert names == [HOSTILE, "m2", "m10"]


def test_a_table_is_copied_as_csv_with_its_values_and_no_formulas(browser):
    copied = browser.run("""(async () => {
        let text; navigator.clipboard.writeText = async (given) => { text = given; };
        document.querySelector('caption button').click(); await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        return [text, document.getElementById('said').textContent]; })()""")
    rows = copied[0].split("\n")
    assert rows[0] == "member,Dice,weight,remark"
    assert rows[2:] == ["m10,0.3,0.1,'-x", 'm2,,0.6,"say ""so"", twice"']
    assert copied[1] == "table copied"


def test_layers_are_shown_and_hidden_for_all_scenes(browser):
    assert shown(browser) == {"ash": 1, "truth": 0}
    browser.run("document.querySelector('.layers input[value=truth]').focus()")
    browser.press(" ")
    assert shown(browser) == {"ash": 1, "truth": 1}
    browser.run("document.querySelector('.layers input[value=ash]').click()")
    assert shown(browser) == {"ash": 0, "truth": 1}
    hidden = "[...document.querySelectorAll('img[data-layer=truth]')].filter(image => image.hidden).length"
    assert browser.run(hidden) == 0


def test_a_slider_shows_one_frame_of_its_own_scene(browser):
    frame = "[...document.querySelectorAll('img[data-frame]:not([data-off])')].map(image => image.dataset.frame)"
    assert browser.run(frame) == ["1", "1"]
    browser.run("document.querySelector('.frames input').focus()")
    browser.press("ArrowRight")
    assert browser.run(frame) == ["2", "1"]
    assert browser.run("document.querySelector('.frames input').getAttribute('aria-valuetext')") == "t2"
    assert shown(browser)["ash"] == 1


def test_arrow_keys_and_the_pointer_read_a_chart(browser):
    browser.run("document.querySelector('.plot').focus()")
    browser.press("ArrowLeft")
    assert texts(browser, ".read")[0] == f"epoch 1:  {HOSTILE} 0.1000  other 0.2000"
    place = browser.run("""(() => { const box = document.querySelectorAll('.plot')[1].getBoundingClientRect();
        scrollTo(0, scrollY + box.top); const now = document.querySelectorAll('.plot')[1].getBoundingClientRect();
        return [now.right - 30, now.top + now.height * 0.7]; })()""")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])
    assert texts(browser, ".read")[1] == "threshold 0.400, k 0: Dice 1.0000"


def test_dark_follows_the_system_until_it_is_chosen(browser, path):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = browser.run(ground)
    browser.open(path, dark=True)
    dark = browser.run(ground)
    assert dark != light
    browser.run("document.getElementById('theme').click()")
    assert browser.run(ground) == light
    browser.open(path, dark=True)
    assert browser.run(ground) == light, "the choice is kept"
    browser.requests.clear()


def test_a_long_remark_makes_no_tall_row(browser):
    heights = browser.run("[...document.querySelectorAll('.data tbody tr')].slice(0, 3).map(row => row.offsetHeight)")
    assert max(heights) <= 4 * min(heights)


def test_a_phone_scrolls_in_one_direction(browser, path):
    browser.open(path, width=360)
    assert browser.run("document.documentElement.scrollWidth") == 360
    browser.requests.clear()
