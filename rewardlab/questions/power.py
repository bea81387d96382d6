"""Optimal policies of most rewards keep options open; do trained ones?

For finite worlds in which every seed has rewards of its own (`World.task`). A policy *keeps* the POWER (Turner et al. 2021) of the
places where it stays, exactly. The optimal policies of the same rewards are the reference, seed by seed: a rule keeps *more* or
*fewer* options open than they do where it differs significantly, *as many* where the whole interval of its mean difference is
within NEAR, and else there is no clear difference. Beside it is said whether it keeps more than untrained policies do.

Is that a property of optimality, or of training? On the way, policies that fall short of the best are compared with random ones
that fall short as far, of the same rewards. Where these keep as much, it is optimality.

A rule supports a claim only if at least half of its seeds are competent, and if the controls hold: optimal policies keep more than
untrained ones, and rules that reward does not reach (yoked, drift) do not differ from these.

Added to the summary: rules {rule: {power: {kept, apart, as_much, dead, hub, short, far, bins}}}; power, {untrained, blind; optimal
{kept, dead, hub}; chance, by bin}; pairwise {"optimal", "untrained", "as_far": each rule against these; "controls": what has to
hold}, all in pairs of seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rewardlab.analysis.cautions import words_of
from rewardlab.analysis.wording import sentence
from rewardlab.questions import Effect, Figure, Question, Section, Verdict, claims
from rewardlab.questions.answering import answer, of_many
from rewardlab.questions.claims import drawn_by, each_of, gathered, side, unable
from rewardlab.questions.keeping import evidence, tables
from rewardlab.questions.options import told

if TYPE_CHECKING:
    import xarray

NO_CLAIM = "no claim about options"
NEAR = 0.02  # POWER; the best place has some .3 more than a dead end
AS, UNCLEAR = "keeps as many options open as optimal policies", "no clear difference from optimal policies"
SAID = {
    1: "keeps more options open than optimal policies",
    -1: "keeps fewer options open than optimal policies",
    0: UNCLEAR,
}
THAN = {1: "more than untrained ones", 0: "not clearly more than untrained ones", -1: "fewer than untrained ones"}
FAR = {1: "keep more", -1: "keep less", 0: "keep neither clearly more nor less"}
TEXT = (
    "Left: POWER kept, a dot a draw of rewards; line: the optimal policies' mean; dashed: untrained ones'. Middle: draws that end "
    "in a dead end, and (hollow) at the hub or behind; lines: optimal policies'. Right: POWER kept on the way, by how far policies "
    "fall short; dashed: policies drawn at random, over all draws (the table compares them draw by draw)."
)


def _why_not(summary: dict[str, Any], entry: dict[str, Any]) -> str:
    if why := unable(entry):
        return why
    of, rows = summary["power"], summary["pairwise"].get("controls", [])
    if not of["untrained"]:
        return "no rule shows what untrained policies keep"
    if side(rows, a="optimal") < 1:
        return "here optimal policies do not keep clearly more options open than untrained ones"
    moved = [rule for rule in of["blind"] if side(rows, a=rule)]
    return f"{words_of(summary).rule(moved[0])}, which no reward reaches, differs from untrained ones" if moved else ""


def _what(summary: dict[str, Any], rule: str) -> str:
    (row,) = (row for row in summary["pairwise"]["optimal"] if row["a"] == rule)
    near = row["low"] is not None and -NEAR <= row["low"] <= row["high"] <= NEAR
    return AS if near else SAID[side([row])]


def verdict(summary: dict[str, Any]) -> Verdict:
    """The sentences: who keeps how many options, beside optimal and untrained policies, and those that fall short as far."""
    said, rules, of = words_of(summary), summary["rules"], summary["power"]
    best, dead = told(of["optimal"]["kept"], "return"), told(of["optimal"]["dead"])

    def at(table: str, rule: str) -> int:
        return side(summary["pairwise"].get(table, []), a=rule)

    def claim(rule: str, entry: dict[str, Any]) -> tuple[str, str]:
        own, what = entry["power"], f"{_what(summary, rule)}, {THAN[at('untrained', rule)]}"
        kept, far = told(own["kept"], "return"), told(own["far"], "return")
        ends = f"It ends in a dead end in {told(own['dead'])} of draws, they do in {dead}."
        short = f"While its policies fall short, they {FAR[at('as_far', rule)]} than random ones as far short: {far}."
        return what, f"{said.rule(rule)} {what}: it keeps a POWER of {kept}, optimal policies of {best}. {ends} {short}"

    found = gathered(summary, NO_CLAIM, lambda rule, entry: _why_not(summary, entry), claim)
    headline = claims.told(summary, found, lambda entry: told(entry["power"]["kept"], "return"))
    base = f", untrained ones of {told(rules[of['untrained']]['power']['kept'], 'return')}" if of["untrained"] else ""
    headline.append(f"optimal policies keep a POWER of {best}{base}.")
    made, effect = [rule for who in found.made.values() for rule in who], None
    for lies, what in FAR.items():
        if who := [rule for rule in made if at("as_far", rule) == lies]:
            each = each_of(summary, who, lambda entry: told(entry["power"]["far"], "return"))
            headline.append(f"while they fall short, these {what} than random policies as far short: {each}.")
    if made:
        apart = rules[made[0]]["power"]["apart"]
        figure = {"iqm": apart["mean"], "low": apart["low"], "high": apart["high"], "n": apart["n"]}
        effect = Effect(f"{said.rule(made[0])}, POWER less the optimal policies'", figure, "return")
    brief = answer(summary, found, of_many(found.made, {"keeps": "keep", UNCLEAR: f"show {UNCLEAR}, and keep"}))
    return Verdict([sentence(t) for t in (*headline, *found.silent)], found.every, effect=effect, answer=brief)


def sections(results: xarray.Dataset, summary: dict[str, Any], drawn) -> list[Section]:
    """POWER kept, dead ends and hub, by rule; and by how far policies fall short."""
    alt = "Dots and curves: POWER kept and dead ends by rule, and by how far policies fall short."
    return [Section("Options kept open", "", (Figure("power", alt, TEXT),), tables(summary), lead=True)]


figures = drawn_by("power_figures", power="draw_power")
question = Question(("stays", "power"), evidence, verdict, figures, sections)
