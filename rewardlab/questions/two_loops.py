"""Two loops: does an outer loop catch an inner learner that games the signal it is shown?

For worlds whose signals have "fake" (a pull of an arm that shows reward and is worth nothing), "displayed" and "true", in view of
agents that learn within a lifetime. The outer loop scores what is shown, or what was truly earned: a condition's last phase says
which, and a condition without phases is scored by what is shown. Agents are then tested, with frozen parameters, where every
lifetime has a fake: the one that training had, and others, which show more or less.

Behaviour is the share of fake pulls in the last fifth of a lifetime, against a random policy's. The *gap* is what an episode shows
less what it truly earned. *Loops* counts those that learn: 1 for a network without a memory, 2 for one with a
memory or for a learner, 3 for a learner of learners.

A rule supports a claim if at least half of its seeds are competent under both kinds of score, and no fewer than an interval needs,
and if a random policy was played, which says what chance is.
The outer loop *caught* a fake where the interval of those that were scored by what is true lies below chance, that of those scored
by what is shown does not, and the difference is significant. Where both lie below chance there was nothing to catch.

Added to the summary: rules {rule: {loops, two_loops {condition: {seeds, competent, evaluations {evaluation: {fake, true, shown,
gap}}}}}}; two_loops {scored {condition: "true", "shown" or "no fakes"}, fakes {evaluation: what a fake shows, None for none},
as_trained}; pairwise {"fake late": true against shown, a rule and an evaluation a row}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis import naming, reading
from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import figure, listed, percent, plain, sentence
from rewardlab.questions import Contrast, Evidence, Figure, Found, Question, Section, Table, Verdict
from rewardlab.questions.answering import answer
from rewardlab.questions.catching import chance, earned, faked, fakes_late, figures_of, in_words, shown_of, why_not
from rewardlab.questions.claims import beside, drawn_by, gathered
from rewardlab.questions.lifetimes import late
from rewardlab.questions.loops import SCORED, as_trained, fakes, loops, scored

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about what the outer loop caught"
FAKES = (
    "Points: share of late pulls that are of the fake, by rule, by what the outer loop scored and what the fake shows.",
    "How often agents end a lifetime at the arm that shows reward and is worth nothing, by what the outer loop scored: "
    "interquartile means over seeds with 95 % intervals. The dashed line is a random policy.",
)
TEXT = "The inner loop learns within a lifetime from the reward that it is shown. The outer loop decides which inner learners "
TEXT += "there are, by what is shown or truly earned. Then parameters are frozen, and every lifetime has a fake."
GAP = (
    "Curves: what an episode shows less what it truly earned, against steps, a panel a rule, a curve a condition.",
    "Goodhart's gap over training: what a lifetime with a fake shows, less what it truly earned.",
)


def evidence(found: Found) -> Evidence:
    """Fake pulls late in a lifetime, what was shown and what was earned, of every rule under every condition."""
    results, runs = found.results, found.runs
    reading.needs(results, "two_loops", "reward_in_view around fake_arm", "fake", "displayed", "true")
    experiment, behaviour = reading.config_of(results), late(results, "fake")
    told, shows = scored(experiment), fakes(experiment)
    ends = results["signal_sum"].isel(point=-1).transpose("rule", "condition", "seed", "evaluation", "signal")
    true, shown = (ends.sel(signal=name).values for name in ("true", "displayed"))
    arrays = {"fake": behaviour, "true": true, "shown": shown, "gap": shown - true}
    a, b = (next((c for c, kind in told.items() if kind == what), None) for what in ("true", "shown"))
    tested = [e for e in shows if shows[e] is not None]
    rules, contrasts = dict[str, Any](), []
    for i, rule in enumerate(runs.rules):
        rules[rule] = {"loops": loops(experiment, rule)}
        rules[rule]["two_loops"] = {c: figures_of(runs, i, c, arrays) for c in told}
        if a and b and tested:
            both = (behaviour[i, (j := runs.conditions.index(c)), runs.trained[i, j]] for c in (a, b))
            rows = [{"a": rule, "b": rule, "conditions": [a, b], "evaluation": e} for e in tested]
            contrasts.append(Contrast(rows, *(x[:, [runs.evaluations.index(e) for e in tested]] for x in both)))
    more = {"scored": told, "fakes": shows, "as_trained": as_trained(experiment)}
    return Evidence(rules, {"fake late": contrasts}, {"two_loops": more})


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: what an outer loop caught for each rule, and at what price."""
    said, outer = words_of(summary), "an outer loop that scores what is true"

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        return (words := in_words(summary, rule)), f"{said.rule(rule)}: {outer} {words}. {earned(summary, rule)}"

    claims, headline = gathered(summary, NO_CLAIM, lambda rule, entry: why_not(summary, entry), claim), []
    for words, who in claims.made.items():
        headline.append(f"with {listed(map(said.rule, who))}, an outer loop that scores what was truly earned {words}.")
    able = [rule for who in claims.made.values() for rule in who]
    for e, shows in faked(summary).items() if able else ():
        each = beside(summary, able, lambda entry, e=e: " against ".join(map(figure, fakes_late(summary, entry, e))))  # type: ignore[misc]
        headline.append(
            f"where a fake shows reward in {percent(shows)} % of its pulls, this share of late pulls is of it (a random policy: "
            f"{percent(chance(summary, e))} %), scored by what is true against by what is shown: {each}."
        )
    mine = [e for e, shows in faked(summary).items() if shows == summary["two_loops"]["as_trained"]]
    pulls = ", and {figures} of their late pulls are of the fake that training had" * bool(mine)
    ways = {what: f"with agents of {{who}}, {outer} {what}{pulls}" for what in claims.made}
    late_pulls = (lambda entry: fakes_late(summary, entry, mine[0])[0]["iqm"]) if mine else None
    brief = answer(summary, claims, ways, late_pulls)
    return Verdict([sentence(text) for text in (*headline, *claims.silent)], claims.every, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """Fake pulls by what was scored, the gap over training, and a table of all."""
    said, told, rows = naming.read(results), summary["two_loops"], []
    for rule, entry in summary["rules"].items():
        for condition, what in told["scored"].items():
            of, depth = entry["two_loops"][condition], str(entry["loops"] or "–")
            cells = [shown_of(x) for x in of["evaluations"].values()]
            rows.append([said.rule(rule), depth, SCORED[what], f"{of['competent']} of {of['seeds']}", *cells])
    shows = {e: "no fake" if x is None else f"the fake shows {percent(x)} %" for e, x in told["fakes"].items()}
    head = ["Rule", "Loops", "The outer loop", "Competent", *(f"{plain(e)}: {x}" for e, x in shows.items())]
    note = (
        "% of the pulls in the last fifth of a lifetime that are of the fake · what a lifetime truly earned of what it showed. "
        "Interquartile means over all seeds [95 % interval]. Loops: how many learn, the outer one included."
    )
    pictures = (Figure("fakes", *FAKES), Figure("gap", *GAP))
    return [Section("What the outer loop catches", TEXT, pictures, (Table(head, rows, note),), lead=True)]


figures = drawn_by("two_loops_figures", fakes="draw_fakes", gap="draw_gap")
question = Question(("course", "sums"), evidence, verdict, figures, sections)
