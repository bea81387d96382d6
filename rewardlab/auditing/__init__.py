"""The audit: what reward can reach, read from the traced programs by data dependence, not from what a rule declares.

One update of training (`training.update`) is traced with marks on the world's reward, the action, what the rule is told,
the network's parameters and its outputs. Labels are followed through it, and through it again until nothing is new.
Nothing is compiled. The definitions are those of `Reach`; what they can't see stands there, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rewardlab import envs, probes, rules
from rewardlab.agents import MLP
from rewardlab.auditing.dataflow import NONE
from rewardlab.auditing.following import AMOUNT, ASKED, MAYBE, REWARD, SHOWN, SIGNAL, follow
from rewardlab.auditing.jaxprs import UnknownForm
from rewardlab.auditing.marks import top
from rewardlab.envs import adapter
from rewardlab.generation import time_needed
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError
from rewardlab.terminal import notebook
from rewardlab.types import Rule

# The strongest first.
ENTERS = (({AMOUNT, SHOWN}, "amounts"), ({MAYBE}, "may carry amounts"), ({REWARD, SIGNAL}, "choices"))


@dataclass(frozen=True)
class Reach:
    """What reward reaches under one rule, with one agent in one world.

    rule, level: its name, and the level that it declares, which the audit does not use. proven: the level is one that the
        tests of this package prove, as the rule comes with it; others are held against the audit (`levels.py`).
    enters: "no", "choices", "may carry amounts" or "amounts": whether the parameters that the rule hands over depend on the
        reward that it was told, or that the world showed in what the rule was told. Amounts: by a chain of floats throughout.
        Choices: only by a bar, an order, a draw, an index. May carry amounts: by an int that amounts were converted to, or
        by how often a loop turned, of which dependence can't tell. A sum of bars cleared counts as choices.
    groups: the parameter groups that depend on it, in whatever way: "trunk", a head, or a head's own trunk, "HEAD_trunk".
    gradient: {head: groups}, which groups reward's gradient reaches through which output of the network: the slope that
        arrives at the head depends on the reward told, backpropagation through the network takes it on to the group, and
        what arrives there enters the group's new parameters. What groups have in common otherwise, such as the norm that
        gradients are clipped by, is not counted, nor that earlier updates had changed the parameters.
    derivative: the parameters handed over depend on a derivative of an output that the action depends on.
    act: what the acting function is given of reward other than by the network's parameters. "observation": the world's reward
        of earlier steps. "memory": the rule's state. "request": the return that the world asks for. A value counts as the
        reward wherever it, or an equal expression of the same values, is read, also at another scale. "state", "dynamics": of a
        scripted policy alone, what its probe declares. That an episode ended
        does not count, nor what merely has the same causes; so a world that works its reward out again by another formula,
        and shows that, is not caught.
    reads: the heads that the action depends on.
    shown: the demonstrator, the scripted policy of which the rule is told what it would do; "" for none. That it may have been
        written with the reward in mind is nothing that the world's reward tells the rule, and is said beside the rest.
    fitted: the heads that are fitted to reward. What the head says and an amount of the reward told are added or subtracted
        (the error of a regression, the target of a temporal difference), and the slope that arrives at the same head
        depends on the result. A policy's gradient multiplies by reward; it adds none to what the policy says. Where nothing
        is differentiated: the new parameters depend on such a sum, with what the head says or with what was worked out
        from the parameters that act; a step added to them as they are is none. Other ways of fitting are not recognised.
    """

    rule: str
    level: int | None
    proven: bool
    enters: str
    groups: tuple[str, ...]
    gradient: dict[str, tuple[str, ...]]
    derivative: bool
    act: tuple[str, ...]
    reads: tuple[str, ...]
    fitted: tuple[str, ...]
    shown: str = ""

    @property
    def predictor(self) -> tuple[str, ...]:
        """The predictors of reward that are consulted to act."""
        return tuple(head for head in self.reads if head in self.fitted)


class Audit(tuple[Reach, ...]):
    """Rows of an audit, which a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return notebook.of_audit(self)


def audit(
    rule: str | Path | Rule | Iterable[Any] | Mapping[str, Rule] | None = None,
    *,
    agent: Any = MLP(),
    env: Any = "coinrun",
    probe: str | Path | Iterable[Any] = (),
) -> Audit:
    """What reward reaches, a row per rule, and what is given to scripted policies, a row for each that a probe plays.

    rule: a rule, its name or path, several of them, or {name: rule}; None for every rule that comes with the package and
        takes this agent in this world.
    probe: a probe, by its name or path, or several of them.
    agent: the network, whatever `agents.spec` takes. env: a world, its name or path. Rules that need whole episodes get the
    steps for them. Raises InputError for unknown names, for a rule that was asked for and does not take this agent in this
    world, and for programs that can't be followed (`jaxprs.UnknownForm`).
    """
    named, world, rows = _named(rule), envs.make(env), []
    for name, made in named.items():
        try:
            rows.append(reach(name, made, agent, world))
        except UnknownForm:
            raise
        except InputError:
            if rule is not None:
                raise
    for one in [probe] if isinstance(probe, (str, Path)) else probe:
        rows += scripted(probes.load(one))
    return Audit(rows)


def scripted(probe: probes.Probe) -> list[Reach]:
    """A row for each scripted policy of a probe: no reward changes it, and it is given what the probe declares."""
    none: dict[str, Any] = {"groups": (), "gradient": {}, "derivative": False, "reads": (), "fitted": ()}
    return [
        Reach(name, level=None, proven=False, enters="no", act=given, **none) for name, given in probe.scripted.items()
    ]


def _named(given: Any) -> dict[str, Rule]:
    if isinstance(given, Mapping):
        return {name: rules.make(rule) for name, rule in given.items()}
    given = rules.names() if given is None else [given] if isinstance(given, (str, Path, Rule)) else given
    return {_name(rule): rules.make(rule) for rule in given}


def _name(rule: Any) -> str:
    name = rule if isinstance(rule, (str, Path)) else rules.name_of(type(rule)) or type(rule).__name__
    return Path(name).stem if registry.is_path(name) else str(name)


def reach(name: str, rule: Rule, spec: Any, env: Any) -> Reach:
    """The audit of one rule."""
    heads = tuple(rules.heads(rule, env))
    paths, policy, action = follow(_long_enough(rule, adapter.time_limit(env)), spec, env)
    found, reads = NONE.union(*policy), tuple(h for h in heads if ("reads", h) in action)
    sloped = {h for h in heads if ("slope", h) in found}
    fitted = {h for h in heads if ("fitted", h) in found}
    if not sloped:
        fitted = {h for h in heads if ("residual", h) in found or (("residual", "") in found and h in reads)}

    def groups(label_in: Any) -> tuple[str, ...]:
        there = {group(layer, heads) for layer, x in zip(map(top, paths), policy, strict=True) if label_in(layer) & x}
        return tuple(g for g in ("trunk", *(g for h in heads for g in (f"{h}_trunk", h))) if g in there)

    gradient = {h: groups(lambda layer, h=h: {("gradient", h, layer)}) for h in heads}
    return Reach(
        rule=name,
        level=rule.level,
        proven=rules.name_of(type(rule)) in rules.names(),
        enters=next((said for labels, said in ENTERS if labels & found), "no"),
        groups=groups(lambda layer: {REWARD, SIGNAL}),
        gradient={h: reached for h, reached in gradient.items() if reached},
        derivative=any(h in sloped for h in reads),
        act=("observation",) * (SIGNAL in action) + ("memory",) * (REWARD in action) + ("request",) * (ASKED in action),
        reads=reads,
        fitted=tuple(h for h in heads if h in fitted),
        shown=rule.shown,
    )


def group(layer: str, heads: Collection[str]) -> str:
    """The parameter group of a layer: a head's own, a head's own trunk (HEAD_trunk), or the common trunk."""
    return layer if layer in heads or layer.removesuffix("_trunk") in heads else "trunk"


def _long_enough(rule: Rule, limit: int) -> Rule:
    """The rule, with steps for its episodes if it needs whole ones. What depends on what is the same at every size."""
    needed = time_needed(rule, limit)
    if not rule.whole or rule.unroll_length >= needed:
        return rule
    own = {f.name: getattr(rule, f.name) for f in fields(rule)}
    inner = {name: _long_enough(value, limit) for name, value in own.items() if isinstance(value, Rule)}
    return dataclasses.replace(rule, **inner, **({"unroll_length": needed} if "unroll_length" in own else {}))
