"""When is it decided what a run will come to: before it begins, on the way, or never?

Runs of one rule are one run up to some share of training and then go on with random numbers of their own. What they have in common
when they part has decided so much of how they end as they end alike, more than independent seeds do. The world has to pay several
ways of ending alike. The main condition is of independent seeds; in every other one runs part once, all into as many, and nothing
else differs. The group of runs that were one is the independent case, never the run.

What decides is the *decided share*: of the variance of how runs end, that between groups (`variance.components`, one-way
random effects), with intervals by resampling groups. A rule's goal is *fixed by the task* where independent seeds end with the same
goal in clearly more than 90 % of pairs. Else it is *decided by the initial parameters* where runs that share these, or more, have
clearly more than half decided, whenever they part; *open to the end* where they have clearly less, whenever they part; *decided on
the way* where runs that share the initial parameters alone have clearly less, runs that part last clearly more, and the latter
agree significantly more often.

A rule supports a claim only if at least half of its seeds are competent and if its control passes: independent seeds, grouped as if
they had been one run, must not have a decided share clearly above 0.

Added to the summary: rules {rule: {path {independent: figure; half: figure, the share of training by which half is decided;
parted [{condition, common, at, groups, runs; alike, decided: figures}], the control first}}}; pairwise, by how often runs of a
group agree: {"way": runs that part last against those that share the initial parameters; "begin": these against independent
seeds; "early": pairs of rules, of runs that part at the middle one of the times, in proportion to what independent seeds leave}.
Figures are means.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming, variance
from rewardlab.analysis.cautions import is_control, words_of
from rewardlab.analysis.wording import figure, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer
from rewardlab.questions.claims import drawn_by, effect_of, gathered, told, unable
from rewardlab.questions.deciding import ANSWERS, UNCLEAR, when, why_not
from rewardlab.questions.forks import figures_of, parted

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about when it is decided"
CURVES = (
    "Above: the share of the variance of how runs end that is decided by what they have in common. Left: how often two of them "
    "end with the same goal; at “nothing”, independent seeds. Right: by when half is decided. 95 % intervals over groups."
)
CELLS = "A column is a run until it parts, a cell one of the runs it parted into; its colour is the goal it came to."


def evidence(found: Found) -> Evidence:
    """How alike runs end, by what they have in common."""
    rules: dict[str, Any] = {}
    every = {rule: parted(found.results, rule) for rule in found.rules}
    for rule, times in every.items():
        rules[rule] = {"path": figures_of(times) if times else {"parted": []}}
    learners = [r for r in every if every[r] and not is_control(found.rules[r])]
    each = {r: [variance.agreement(one.goals)[:, None] for one in every[r]] for r in learners}
    same = {r: rules[r]["path"]["independent"]["iqm"] for r in learners}
    able = [r for r in learners if not unable(found.rules[r]) and same[r] < 1]
    # 0: as independent seeds do; 1: always. So rules that have more or fewer goals compare.
    gain = {r: 1 - (1 - each[r][(len(each[r]) + 1) // 2]) / (1 - same[r]) for r in able}
    way = [Contrast([{"a": r, "b": r}], each[r][-1], each[r][1]) for r in learners]
    begin = [Contrast([{"a": r, "b": r}], each[r][1], each[r][0]) for r in learners]
    early = [Contrast([{"a": a, "b": b}], gain[a], gain[b]) for a, b in itertools.combinations(able, 2)]
    return Evidence(rules, {"way": way, "begin": begin, "early": early})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: when what a run comes to is decided, by rule."""
    said = words_of(summary)

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        of = entry["path"]
        first, last = of["parted"][1], of["parted"][-1]
        what = when(summary, rule)
        return what, (
            f"{said.rule(rule)}: {what}. Runs with {first['common']} in common have {figure(first['decided'])} decided, those with "
            f"{last['common']} {figure(last['decided'])}. Half is decided after {figure(of['half'])} of training. "
            f"Two independent seeds have the same goal in {figure(of['independent'])} of pairs."
        )

    claims = gathered(summary, NO_CLAIM, lambda rule, entry: why_not(entry), claim)
    answers = sorted(claims.made.items(), key=lambda one: one[0] == UNCLEAR)  # clear ones first
    claims = claims._replace(made=dict(answers))
    headline = told(summary, claims, lambda of: f"half by {figure(of['path']['half'])} of training")
    clear = claims._replace(made={what: who for what, who in answers if what != UNCLEAR})
    effect = effect_of(summary, clear, "share of training by which half is decided", lambda of: of["path"]["half"])
    brief = answer(summary, claims, ANSWERS, lambda of: of["path"]["half"]["iqm"])
    return Verdict([sentence(t) for t in (*headline, *claims.silent)], claims.every, effect=effect, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """What is decided by when."""
    said = naming.read(results)
    every = {r: entry["path"] for r, entry in summary["rules"].items() if entry["path"]["parted"]}
    rows: list[dict[str, Any]] = max((of["parted"] for of in every.values()), key=len, default=[])
    head = ["Rule", *(sentence(row["common"]) for row in rows)]
    sizes = " or ".join(dict.fromkeys(f"{row['groups']} groups of {row['runs']} runs" for row in rows))
    shares: Any = lambda what, last: [  # noqa: E731
        [said.rule(r), *(figure(row[what]) for row in of["parted"]), figure(of[last])] for r, of in every.items()
    ]
    note = f"Decided share, by what runs have in common, and by which share of training half is decided; {sizes} [95 % interval]."
    pairs = "Probability that two runs of one group end with the same goal; last, two of all independent seeds."
    tables = (
        Table([*head, "Half by"], shares("decided", "half"), note),
        Table([*head, "Any two"], shares("alike", "independent"), pairs),
    )
    shown = (
        Figure(
            "path", "Curves: what is decided, and agreement, by what runs have in common; points: half decided.", CURVES
        ),
        Figure("forks", "Coloured cells: the goal of each run, in columns of runs that were one.", CELLS),
    )
    return [Section("When it is decided", "", shown, tables, lead=True)]


figures = drawn_by("path_figures", path="draw_path", forks="draw_forks")
question = Question((), evidence, verdict, figures, sections)
