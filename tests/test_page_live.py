"""What moves on the report's page, in real browsers: replays, a coin that readers move, dots that say which seed they are."""

from __future__ import annotations

import firefox
import numpy as np
import pytest
import synthetic
from browsing import chromium, open_page
from PIL import Image

from rewardlab.analysis import compare, reading
from rewardlab.report import page as pages
from rewardlab.report import placements, reel
from rewardlab.rundir import store


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run directory with its page, but for the figures, which do not move."""
    path = tmp_path_factory.mktemp("run")
    data = synthetic.results()
    synthetic.write_run(path, data, compare.summarise(data))
    synthetic.write_replays(path)
    there = store.open_run(path)
    Image.new("RGB", (8, 8)).save(path / "outcomes.png")
    data = reading.filled(data)
    html = pages.render(
        data,
        there.summary,
        there.config,
        there.environment,
        {"outcomes": path / "outcomes.png"},
        placements.of(path, data),
        reel.stored(path),
    )
    (path / "report.html").write_text(html)
    return path


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def pixels(page, film):
    return page.evaluate(
        "film => { const c = document.querySelector(`[data-film='${film}']`);"
        "  return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]; }",
        film,
    )


@pytest.mark.slow(quickly=True)
def test_replays_can_be_paused_and_scrubbed(browser, run):
    page, trouble, _ = open_page(browser, run / "report.html")
    button, slider = page.locator("#film-play"), page.locator("#film-time")
    page.wait_for_selector("#replays[data-ready]")
    assert button.inner_text() == "Pause"
    button.click()
    assert button.inner_text() == "Play" and button.get_attribute("aria-pressed") == "false"
    height, width = synthetic.replay().shape[1:3]
    for seed, level, films in ((0, 0, synthetic.replay(9)), (1, 0, synthetic.replay(10)), (1, 1, synthetic.replay(5))):
        page.select_option("#film-seed", index=seed)
        page.select_option("#film-level", index=level)
        for time in (0, 3, len(films) - 1):
            slider.fill(str(time))
            shown = np.array(pixels(page, "ppo--detour"), np.uint8).reshape(height, width, 4)
            np.testing.assert_array_equal(shown[..., :3], films[time])
    slider.focus()
    page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "step 0 of 4"
    assert all("getImageData" in text for text in trouble)  # this test's own
    page.close()


def test_replays_stand_still_for_those_who_asked_for_less_motion(browser, run):
    page, trouble, _ = open_page(browser, run / "report.html", reduced_motion="reduce")
    page.wait_for_selector("#replays[data-ready]")
    page.wait_for_selector("#stage[data-ready]")
    assert [page.locator(f"#{one}-play").inner_text() for one in ("film", "stage")] == [
        "Play",
        "Play",
    ] and trouble == []
    page.close()


def moved(page):
    """What the page says of the coin where it is now: the sentence, and {rule: (seeds, how many fetch it)}."""
    rows = page.eval_on_selector_all(
        "#stage-table tbody tr", "all => all.map(row => [...row.cells].map(c => c.innerText))"
    )
    return page.locator("#stage-said").inner_text(), {row[0].strip(): (int(row[1]), row[2]) for row in rows}


def test_the_coin_can_be_moved_by_hand_and_by_key(browser, run):
    page, trouble, _ = open_page(browser, run / "report.html", reduced_motion="reduce")
    page.wait_for_selector("#stage[data-ready='0']")
    page.select_option("#stage-who", value="all")
    board = page.locator("#stage-board svg")
    said, ends = moved(page)
    assert said.startswith("The coin is in row 1, column 6, where it was.")
    assert ends["REINFORCE"] == (2, "2 (100 %)") and ends["PPO"] == (2, "0 (0 %)")
    box = board.bounding_box()
    board.click(position={"x": box["width"] * 3.5 / 6, "y": box["height"] * 1.5 / 2})
    said, ends = moved(page)
    assert "row 2, column 4." in said and ends["REINFORCE"] == (2, "1 (50 %)")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "application"
    for key, place in (
        ("ArrowLeft", "row 2, column 3."),
        ("ArrowUp", "row 1, column 3."),
        ("Home", "row 1, column 6, where"),
    ):
        page.keyboard.press(key)
        assert place in moved(page)[0]
    named = page.locator("#stage-maps svg").first.get_attribute("aria-label")
    assert named == "REINFORCE: fetched from 5 of 9 cells by most of 2 seeds; 78 % over all cells"
    page.select_option("#stage-level", index=1)
    page.wait_for_selector("#stage[data-ready='1']")
    assert "row 1, column 5, where it was." in moved(page)[0]
    ways = "all => all.map(way => way.getAttribute('points').split(' ').length)"
    assert page.eval_on_selector_all("#stage .ways polyline", ways)[0] == 5  # from the start to the coin, every step
    assert trouble == []
    page.close()


def test_every_seed_is_a_dot_that_says_which(browser, run):
    page, trouble, _ = open_page(browser, run / "report.html")
    data = synthetic.results()
    dots = page.locator("#dots-panels figure").nth(1).locator(".seed")
    assert dots.count() == len(synthetic.RULES) * 32 * 2
    one = {"rule": "reinforce", "condition": "end", "evaluation": "detour", "outcome": "coin", "seed": 31}
    share = float(data.outcome_share.sel(one).isel(point=-1))
    dots.nth(31).hover()  # the last one lies on top
    told = f"REINFORCE, seed 31: reached the coin in {100 * share:.1f} % of episodes with the coin at a detour"
    assert page.locator("#dots-said").inner_text().startswith(told)
    dots.first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#dots-said").inner_text().startswith("REINFORCE, seed 1:") and trouble == []
    page.close()


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_axe_finds_nothing_serious(browser, run, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    viewport = {"width": width, "height": 844}
    page, _, _ = open_page(
        browser, run / "report.html", viewport=viewport, reduced_motion="reduce", color_scheme=scheme
    )
    page.wait_for_selector("#stage[data-ready]")
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    found = Axe().run(page).response
    assert [(one["id"], one["nodes"][0]["html"][:120]) for one in found["violations"]] == [] and len(
        found["passes"]
    ) > 20
    page.close()


@pytest.mark.slow
def test_the_page_works_in_firefox(run, tmp_path):
    """What hangs on a browser: unpacking, canvas, SVG, keys."""
    with firefox.started(tmp_path) as fox:
        fox.open((run / "report.html").as_uri(), 1000, 900)
        fox.run(
            "return new Promise(done => { const wait = () => document.querySelector('#stage[data-ready]')"
            " && document.querySelector('#replays[data-ready]') ? done() : setTimeout(wait, 50); wait(); })"
        )
        said = "return document.getElementById('stage-said').textContent"
        assert fox.run(said).startswith("The coin is in row 1, column 6, where it was.")
        fox.press("#stage-board svg", "\ue012")  # left
        assert fox.run(said).startswith("The coin is in row 1, column 5.")
        fox.click("#stage-home")
        assert "where it was" in fox.run(said)
        box = fox.run(
            "const b = document.querySelector('#stage-board svg').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
        )
        assert box[2] > 400 and fox.run("return document.documentElement.scrollWidth <= innerWidth")
        last = synthetic.replay(9)[-1]
        shown = fox.run(
            "const c = document.querySelector(\"[data-film='ppo--detour']\");"
            "return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data];"
        )
        np.testing.assert_array_equal(np.array(shown, np.uint8).reshape(*last.shape[:2], 4)[..., :3], last)
        assert fox.run("return document.querySelectorAll('#dots-panels .seed').length") == 3 * 7 * 32 * 2
