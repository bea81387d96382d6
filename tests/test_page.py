"""The report's page: what it says, what it needs, and how it behaves in a real browser."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import shutil

import firefox
import numpy as np
import pytest
import synthetic
import xarray as xr
from PIL import Image
from worlds import Walk

from rewardlab import MLP, report
from rewardlab.analysis import compare
from rewardlab.auditing import audit
from rewardlab.inputs.errors import InputError
from rewardlab.report import ends, placements, style, tables

HOSTILE = "<script>alert('x')</script>\"&{{ 7 * 7 }} $\\frac"


@pytest.fixture(scope="module")
def summary():
    return compare.summarise(synthetic.results())


@pytest.fixture(scope="module")
def run(tmp_path_factory, summary):
    """A run directory with its report."""
    path = synthetic.write_run(tmp_path_factory.mktemp("run"), synthetic.results(), summary)
    synthetic.write_replays(path)
    assert report.write(path) == path / "report.html"
    return path


def final(results, rule, condition, evaluation, outcome, seeds):
    """float[seeds], by position: shares at the last point."""
    cube = results.outcome_share.transpose("rule", "condition", "seed", "point", "evaluation", "outcome").values
    i, j = list(results.rule.values).index(rule), list(results.condition.values).index(condition)
    k, o = list(results.evaluation.values).index(evaluation), list(results.outcome.values).index(outcome)
    return cube[i, j, :seeds, -1, k, o]


def lines(axis, gid):
    return [line for line in axis.lines if line.get_gid() == gid]


def labels(axis):
    return [label.get_text() for label in axis.get_yticklabels()]


@pytest.mark.slow
def test_every_figure_is_written(run):
    written = {path.name for path in (run / "figures").iterdir()}
    names = ("learning", "outcomes", "matched", "control", "drift")
    assert written == {f"{name}.{kind}" for name in names for kind in ("png", "svg", "pdf")}
    for name in names:  # letters are text, which a paper's readers can search
        drawn, printed = ((run / "figures" / f"{name}.{kind}").read_bytes() for kind in ("svg", "pdf"))
        assert b">PPO<" in drawn and printed.startswith(b"%PDF") and b"/Type0" in printed
    for path in (run / "figures").glob("*.png"):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("L"))
            assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1) and image.width == 1440 and pixels.std() > 10


# ----------------------------------------------------------------------------------------------------------------- page


class Reader(html.parser.HTMLParser):
    """Collects elements, loads and visible text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loads, self.text, self.alts = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.loads += [attrs[name] for name in ("src", "href", "srcset", "data", "poster", "action") if name in attrs]
        self.alts += [attrs.get("alt", "")] if tag == "img" else []

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_needs_nothing_else_and_says_what_was_found(run, summary):
    text = (run / "report.html").read_text()
    page = Reader(text)
    assert page.loads and all(load.startswith("data:") for load in page.loads)
    assert "url(" not in text and "@import" not in text
    assert len(page.alts) == 5 + 3 and all(page.alts)
    body = " ".join(" ".join(page.text).split())
    for sentence in (
        *summary["verdict"],
        *summary["warnings"],
        *(entry["verdict"] for entry in summary["rules"].values()),
    ):
        assert sentence in body
    assert "32 seeds trained with “end”, 16 seeds trained with “half”" in body and "jax 0.10.2" in body


def test_the_tables_show_the_summarys_figures(run, summary):
    body = " ".join(" ".join(Reader((run / "report.html").read_text()).text).split())
    for rule, evaluation in (("ppo", "detour"), ("truncation", "behind")):
        for group in ("final", "competent", "matched", "control"):
            figure = summary["rules"][rule][group][evaluation]["coin"]
            centre, low, high = (style.percent(figure[name]) for name in ("iqm", "low", "high"))
            shown = f"{centre} % [{low}–{high}]"
            assert shown in body, (rule, evaluation, group)


def test_the_table_below_the_verdict_is_over_the_seeds_that_the_sentences_are_over(run, summary):
    text = (run / "report.html").read_text()
    told = " ".join(" ".join(Reader(text[text.index('id="verdict"') : text.index("Rule by rule")]).text).split())
    entry = summary["rules"]["truncation"]
    assert 0 < entry["competent_seeds"] < entry["seeds"] and f"{entry['competent_seeds']} of 32 seeds" in told
    some, every = (entry[which]["behind"]["end"] for which in ("competent", "final"))
    ends = [
        f"{style.percent(one['iqm'])} % [{style.percent(one['low'])}–{style.percent(one['high'])}]"
        for one in (some, every)
    ]
    assert ends[0] in told and ends[1] not in told


def test_steps_to_capability_are_the_summarys(summary):
    rows = tables.capability_table(synthetic.results(), summary, {})
    for row, entry in zip(rows, summary["rules"].values(), strict=True):
        steps = entry["steps_to_capability"]["iqm"]
        assert row["steps"] == ("–" if steps is None else style.short_steps(steps))


def test_the_page_shows_what_reward_can_reach(tmp_path):
    rows = [dataclasses.asdict(row) for row in audit(["ppo", "truncation"], agent=MLP(hidden=(4,)), env=Walk())]
    rows[1] |= {"rule": HOSTILE, "fitted": [HOSTILE], "act": ["observation", "memory"]}
    data = synthetic.results(rules=("ppo", "truncation")).assign_attrs(audit=json.dumps(rows))
    path = synthetic.write_run(tmp_path, data, compare.summarise(data))
    text = report.write(path).read_text()
    page = Reader(text)
    body = " ".join(" ".join(page.text).split())
    assert "<script>alert" not in text and HOSTILE in page.text
    assert (
        "What reward can reach" in body
        and "PPO 4 as amounts logits: trunk, logits; value: trunk, value yes blind" in body
    )
    assert (
        "2 as choices nothing no percept and what the rule remembers" in body
        and "Predictor of reward: the outputs" in body
    )


def test_a_run_without_an_audit_has_a_page_without_one(run):
    assert "What reward can reach" not in (run / "report.html").read_text()


def test_names_from_data_are_escaped(tmp_path):
    rules, evaluations = (HOSTILE, "b" + HOSTILE), ("held-out", "s" + HOSTILE)
    data = synthetic.results(
        rules=rules,
        evaluations=evaluations,
        name=HOSTILE,
        question=HOSTILE,
        outcomes=("o" + HOSTILE, "end", "died", "time"),
    )
    data = data.assign_coords(condition=["c" + HOSTILE, "half"])
    verdicts = {rule: {"verdict": HOSTILE, "short": HOSTILE, "claim": False} for rule in rules}
    path = synthetic.write_run(tmp_path, data, {"verdict": [HOSTILE], "warnings": [HOSTILE], "rules": verdicts})
    synthetic.write_replays(path, rules=rules, evaluations=evaluations)
    text = report.write(path).read_text()
    page = Reader(text)
    assert "<script>alert" not in text and page.tags.count("script") == 4  # three of data, and the page's own
    assert sum(HOSTILE in text for text in page.text) >= 10 and "amp;49" not in text


def odd(**changes) -> xr.Dataset:
    return synthetic.results(rules=("ppo",), conditions=(("only", 0.0, 3),), control=None, points=3, **changes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "drawn"),
    [
        (odd(), ["learning", "outcomes", "matched", "drift"]),  # one rule, three seeds, no control
        (odd(evaluations=("test",), outcomes=("cheese", "corner")), ["learning", "outcomes"]),  # no shift
        (odd(outcomes=("cheese",)), ["learning", "outcomes", "matched", "drift"]),
        (odd().drop_dims("reference"), ["learning", "outcomes", "matched", "drift"]),
        (odd(outcomes=("terminated", "truncated")), ["learning", "outcomes"]),  # a world that names no outcomes
        (odd().isel(point=[0]), ["learning", "outcomes", "matched"]),  # before any training
        (synthetic.sweep(rules=("a", "b"), points=2), ["learning", "outcomes", "matched", "control", "drift", "sweep", "doses"]),
    ],
)  # fmt: skip
def test_any_world_has_a_page(tmp_path, data, drawn):
    path = synthetic.write_run(tmp_path, data, compare.summarise(data))
    (path / "summary.json").unlink()  # it is made again from the results
    (path / "environment.json").unlink()
    page = Reader(report.write(path).read_text())
    assert sorted(p.stem for p in (path / "figures").glob("*.png")) == sorted(drawn)
    assert page.tags.count("img") == page.tags.count("figure") + 1 == len(drawn)  # dots stand for the outcomes


def test_a_run_of_the_users_own_files(tmp_path):
    """Rules and a world that live in files outside the package: names from the run, levels from the results."""
    data = synthetic.results(rules=("mine", "ppo"), name="own")
    data["level"] = ("rule", [3, 4])
    plan = json.loads(data.attrs["experiment"])
    plan |= {"env": "/home/me/my_world.py"}
    plan["rules"]["mine"] = {"rule": "/home/me/my_rule.py", "hyperparameters": {}}
    data.attrs |= {"experiment": json.dumps(plan), "env": plan["env"]}
    body = " ".join(Reader(report.write(synthetic.write_run(tmp_path, data, compare.summarise(data))).read_text()).text)
    assert "world my world" in body and "/home/me/my_rule.py" in body and "the return of an episode" in body


def test_the_tables_name_levels_controls_and_what_is_compared(browser, run, summary):
    page, _, _ = open_page(browser, run / "report.html")
    rows = page.eval_on_selector_all("#rules tbody tr", "all => all.map(row => [...row.cells].map(c => c.innerText))")
    assert [row[1] for row in rows] == ["4", "4", "5", "2", "3", "1", "0"]
    assert [row[2] for row in rows][3::3] == ["the order of returns", "nothing\n(control rule)"]
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    table = page.locator(".pairs").first
    assert table.locator("th").nth(1).inner_text() == "Outcome compared"
    shown = {row.split("\t")[1] for row in table.locator("tbody").inner_text().splitlines()}
    assert shown == {"reached the coin", "ran past the coin to the end"}
    assert page.locator(".tag").all_inner_texts() == ["no claim about goals"] * 8
    page.close()


def test_a_directory_without_results_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no run directory"):
        report.write(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"results\.nc"):
        report.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


# -------------------------------------------------------------------------------------------------------------- browser


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        pytest.fail("no Chromium on PATH: install Debian's package `chromium` (apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def open_page(browser, path, **options):
    """The page, and what went wrong while it loaded."""
    page, trouble, asked = browser.new_page(**options), [], []
    page.on("console", lambda message: trouble.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("requestfailed", lambda request: trouble.append(f"failed: {request.url[:80]}"))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri(), wait_until="load")
    return page, trouble, [url for url in asked if not url.startswith("data:")]


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(browser, run, summary, width, scheme):
    page, trouble, asked = open_page(
        browser, run / "report.html", viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page.eval_on_selector_all("details", "all => all.forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].length") == 4 + 3
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    for sentence in summary["verdict"]:
        assert page.locator("#verdict").get_by_text(sentence, exact=True).first.is_visible()
    red, green, blue = map(int, page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g)"))
    assert (red + green + blue < 120) if scheme == "dark" else (red + green + blue > 700)
    assert trouble == [] and asked == [(run / "report.html").as_uri()]
    page.close()


def pixels(page, film):
    return page.evaluate(
        "film => { const c = document.querySelector(`[data-film='${film}']`);"
        "  return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]; }",
        film,
    )


def test_replays_can_be_paused_and_scrubbed(browser, run):
    page, trouble, _ = open_page(browser, run / "report.html")
    button, slider = page.locator("#film-play"), page.locator("#film-time")
    page.wait_for_selector("#replays[data-ready]")
    assert button.inner_text() == "Pause"
    button.click()
    assert button.inner_text() == "Play" and button.get_attribute("aria-pressed") == "false"
    height, width = synthetic.replay().shape[1:3]
    for seed, level, films in ((0, 0, synthetic.replay(9)), (1, 0, synthetic.replay(10)), (1, 1, synthetic.replay(5))):
        page.select_option("#film-seed", value=str(seed))
        page.select_option("#film-level", value=str(level))
        for time in (0, 3, len(films) - 1):
            slider.fill(str(time))
            shown = np.array(pixels(page, "ppo--detour"), np.uint8).reshape(height, width, 4)
            np.testing.assert_array_equal(shown[..., :3], films[time])
    slider.focus()
    page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "step 0 of 4" and trouble == []
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
    page.select_option("#stage-level", value="1")
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
    share = final(data, "reinforce", "end", "detour", "coin", 32)[31]
    dots.nth(31).hover()  # the last one lies on top
    told = f"REINFORCE, seed 31: reached the coin in {100 * share:.1f} % of episodes with the coin at a detour"
    assert page.locator("#dots-said").inner_text().startswith(told)
    dots.first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#dots-said").inner_text().startswith("REINFORCE, seed 1:") and trouble == []
    page.close()


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


def test_a_page_is_refused_whose_placements_are_of_other_rules(run):
    with pytest.raises(InputError, match=r"placements\.json.* has rules .*; allowed: those of the results, ppo"):
        placements.of(run, synthetic.results(rules=("ppo",)))


def test_centres_are_over_the_seeds_that_the_tables_are_over(summary):
    data = synthetic.results()
    for one in ends.of(data, "detour"):
        figure = summary["rules"][one.rule]["competent"]["detour"][one.outcome]
        np.testing.assert_allclose(one.centre.centre[0], np.nan if figure["iqm"] is None else figure["iqm"], atol=1e-6)
    for one in ends.of(data, "held-out"):
        figure = summary["rules"][one.rule]["final"]["held-out"][one.outcome]
        np.testing.assert_allclose(one.centre.centre[0], figure["iqm"], atol=1e-6)


@pytest.mark.slow
def test_the_page_works_in_firefox(run, tmp_path):
    """What hangs on a browser: unpacking, canvas, SVG, keys."""
    with firefox.started(tmp_path) as browser:
        browser.open((run / "report.html").as_uri(), 1000, 900)
        browser.run(
            "return new Promise(done => { const wait = () => document.querySelector('#stage[data-ready]')"
            " && document.querySelector('#replays[data-ready]') ? done() : setTimeout(wait, 50); wait(); })"
        )
        said = "return document.getElementById('stage-said').textContent"
        assert browser.run(said).startswith("The coin is in row 1, column 6, where it was.")
        browser.press("#stage-board svg", "\ue012")  # left
        assert browser.run(said).startswith("The coin is in row 1, column 5.")
        browser.click("#stage-home")
        assert "where it was" in browser.run(said)
        box = browser.run(
            "const b = document.querySelector('#stage-board svg').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]"
        )
        assert box[2] > 400 and browser.run("return document.documentElement.scrollWidth <= innerWidth")
        last = synthetic.replay(9)[-1]
        shown = browser.run(
            "const c = document.querySelector(\"[data-film='ppo--detour']\");"
            "return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data];"
        )
        np.testing.assert_array_equal(np.array(shown, np.uint8).reshape(*last.shape[:2], 4)[..., :3], last)
        assert browser.run("return document.querySelectorAll('#dots-panels .seed').length") == 3 * 7 * 32 * 2
