"""The report's page: what it says, what it needs, and how it behaves in a real browser."""

from __future__ import annotations

import dataclasses
import html.parser
import json

import numpy as np
import pytest
import synthetic
import xarray as xr
from browsing import chromium, open_page
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
    assert report.write(path, papers=False) == path / "report.html"
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
    report.write(run)
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
    text = report.write(path, papers=False).read_text()
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
    text = report.write(path, papers=False).read_text()
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
    page = Reader(report.write(path, papers=False).read_text())
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
    body = " ".join(
        Reader(
            report.write(synthetic.write_run(tmp_path, data, compare.summarise(data)), papers=False).read_text()
        ).text
    )
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


# -------------------------------------------------------------------------------------------------------------- browser


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


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
