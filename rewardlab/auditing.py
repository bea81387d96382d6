"""The audit: what reward can reach, read from the traced programs by data dependence, not from what a rule declares.

One update of training (`training.update`) is traced with marks on the world's reward, the action, what the rule is told,
the network's parameters and its outputs. Labels are followed through it, and through it again until nothing is new.
Nothing is compiled. The definitions are those of `Reach`; what they can't see stands there, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from rewardlab import envs, registry, rules, training
from rewardlab.agents import MLP
from rewardlab.collect import start
from rewardlab.dataflow import NONE, flow
from rewardlab.envs import adapter
from rewardlab.judges import judged
from rewardlab.marks import Instead, group, mark, mark_p, marked_agent, marked_world
from rewardlab.types import Rule

# Labels are tuples: these, and ("output", head), ("gradient", head, group) and the like.
SIGNAL, REWARD, AMOUNT, TOLD = ("signal",), ("reward",), ("amount",), ("told",)
LASTING = {SIGNAL, REWARD, AMOUNT}


@dataclass(frozen=True)
class Reach:
    """What reward reaches under one rule, with one agent in one world.

    rule, level: its name, and the level that it declares, which is not used.
    enters: "no", "comparisons" or "amounts": whether the parameters that the rule hands over depend on the reward that it
        was told, and whether by a chain of numbers throughout or by comparisons, orders and choices alone. A chain of
        numbers keeps to floats; a bool or an int on the way (a bar, a rank, an index) is a comparison.
    groups: the parameter groups that depend on it, in any way: a head's own layer, its own trunk, the common trunk.
    gradient: {head: groups}, which groups reward's gradient reaches through which output of the network. The slope that
        arrives at the head depends on the reward told; backpropagation through the network takes it on to the group; and
        what arrives there enters the group's new parameters. What comes to a group from the other ones' slopes by a common
        factor (a clipped norm) is not counted, nor what comes by parameters that earlier updates had changed.
    derivative: the parameters handed over depend on a derivative of an output that the action depends on.
    act: how reward comes to `act` other than by the network's parameters: "observation", the world's reward of this
        episode; "memory", the rule's state; both or neither.
        A value counts as the reward wherever it or an equal expression of the same values is read, at another scale,
        too. That an episode ends does not count, nor what merely has the same causes. So a world that works its reward
        out a second time by another formula and shows that is not caught.
    reads: the heads that the action depends on.
    predictor: those of them that are fitted to reward. A head is fitted if its output and an amount of the reward told
        are added or subtracted (the residual of a regression, the bootstrapped target of a temporal difference), and the
        slope that arrives at the same head depends on the result; in a rule that differentiates nothing, if the new
        parameters depend on it. A policy's gradient multiplies the slope of its output by reward and adds nothing to it.
        A predictor that is never compared with reward by a sum or a difference is not recognised.
    """

    rule: str
    level: int | None
    enters: str
    groups: tuple[str, ...]
    gradient: dict[str, tuple[str, ...]]
    derivative: bool
    act: tuple[str, ...]
    reads: tuple[str, ...]
    predictor: tuple[str, ...]


def audit(
    rule: str | Path | Rule | Iterable | Mapping[str, Rule] | None = None, *, agent: MLP = MLP(), env: Any = "coinrun"
) -> tuple[Reach, ...]:
    """What reward reaches, a row per rule.

    rule: a rule, its name or path, several of them, or {name: rule}; None for every rule that comes with the package.
    env: a world, its name or path. Rules that need whole episodes get the steps for one.
    Raises InputError for unknown names.
    """
    world = envs.make(env)
    return tuple(reach(name, made, agent, world) for name, made in _named(rule).items())


def _named(given) -> dict[str, Rule]:
    if isinstance(given, Mapping):
        return {name: rules.make(rule) for name, rule in given.items()}
    given = rules.names() if given is None else [given] if isinstance(given, (str, Path, Rule)) else given
    return {_name(rule): rules.make(rule) for rule in given}


def _name(rule) -> str:
    name = rule if isinstance(rule, (str, Path)) else rules.name_of(type(rule)) or type(rule).__name__
    return Path(name).stem if registry.is_path(name) else name


def reach(name: str, rule: Rule, spec: MLP, env) -> Reach:
    """The audit of one rule."""
    heads = rule.heads(env.num_actions)
    paths, policy, action = follow(_long_enough(rule, adapter.time_limit(env)), spec, env, heads)
    found = NONE.union(*policy)
    by_group: dict[str, frozenset] = {}
    for path, labels in zip(paths, policy, strict=True):
        by_group[group(path, heads)] = by_group.get(group(path, heads), NONE) | labels
    reads = tuple(h for h in heads if ("reads", h) in action)
    sloped = {h for h in heads if ("slope", h) in found}
    fitted = {h for h in heads if ("fitted", h) in found or (not sloped and ("residual", h) in found)}
    gradient = {h: tuple(g for g, labels in by_group.items() if ("gradient", h, g) in labels) for h in heads}
    return Reach(
        rule=name,
        level=getattr(rule, "level", None),
        enters="amounts" if AMOUNT in found else "comparisons" if REWARD in found else "no",
        groups=tuple(g for g, labels in by_group.items() if REWARD in labels),
        gradient={h: groups for h, groups in gradient.items() if groups},
        derivative=any(h in sloped for h in reads),
        act=("observation",) * (SIGNAL in action) + ("memory",) * (REWARD in action),
        reads=reads,
        predictor=tuple(h for h in reads if h in fitted),
    )


def follow(rule: Rule, spec: MLP, env, heads):
    """(paths of the leaves of the policy after an update, the labels of each, the labels of the action)."""
    params = adapter.set_params(env.default_params, {})
    plain = training.setting(env, rule, spec).agent
    learner, actor = marked_agent(plain, heads), marked_agent(plain, heads, "act ")
    marked = Instead(rule, update=lambda agent, state, told, key: rule.update(learner, state, _marked(told), key))
    setting = training.Setting(marked_world(env), actor, training.world)
    key = jax.eval_shape(lambda: jax.random.key(0))

    def begin(key):
        state_key, lanes_key = jax.random.split(key)
        lanes = None if rule.whole else start(env, params, lanes_key, rule.lanes, rule.candidates)
        return training.Carry(rule.init(plain, state_key), lanes, jnp.int32(0), jnp.int32(0), {})

    def update(key, carry):
        carry = training.update(setting, marked, params, key, carry)._replace(log={})
        return rule.policy(plain, carry.state), carry

    carry = jax.eval_shape(begin, key)
    jaxpr, (policy, _) = jax.make_jaxpr(update, return_shape=True)(key, carry)
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(policy)]
    labels, action = [NONE] * len(jax.tree.leaves(carry)), set()
    while True:
        out = flow(jaxpr, [NONE, *labels], partial(_through, action))
        grown = [a | b for a, b in zip(labels, out[len(paths) :], strict=True)]
        if grown == labels:
            return paths, out[: len(paths)], action
        labels = grown


def _marked(told):
    seen = jax.tree.map(lambda x: mark(x, "seen"), told)
    return seen._replace(reward=mark(told.reward, "told"))


def _through(action: set, eqn, labels):
    """The labels behind an equation. Adds those of the action to `action`."""
    if eqn.primitive is mark_p:
        if eqn.params["role"] == "action":
            action.update(labels[0])
        return [_marks(eqn.params["role"], eqn.params["name"], labels[0])]
    joined = NONE.union(*labels)
    if eqn.primitive.name in ("add", "sub"):  # not add_any, which sums slopes
        joined |= {("residual", h) for a, b in (labels, labels[::-1]) for h in _outputs(a) if {TOLD, AMOUNT} <= b}
    return [joined if jnp.issubdtype(v.aval.dtype, jnp.floating) else joined - {AMOUNT} for v in eqn.outvars]


def _outputs(labels):
    return () if TOLD in labels else [x[1] for x in labels if x[0] == "output"]


def _marks(role: str, name: str, labels):
    """What a mark does to the labels that come to it."""
    lasting = labels & LASTING
    match role:
        case "reward":  # the world's
            return labels | {SIGNAL}
        case "end":
            return labels - {SIGNAL}
        case "told":  # the same, judged: what the rule is told
            return frozenset({REWARD, AMOUNT, TOLD})
        case "seen":  # whatever else the rule is told
            return lasting
        case "act parameter":
            return NONE
        case "act output":
            return lasting | {("reads", name)}
        case "parameter":
            return lasting
        case "output":
            return lasting | {("output", name)}
        case "output'":
            via = {("via", name)} if TOLD in labels else set()
            fitted = {("fitted", name)} if ("residual", name) in labels else set()
            return lasting | via | fitted | {("slope", name)}
        case "parameter'":
            kept = {x for x in labels if x[0] in ("slope", "fitted")}
            return lasting | kept | {("gradient", x[1], name) for x in labels if x[0] == "via"}
    return labels


def _long_enough(rule: Rule, limit: int) -> Rule:
    """The rule, with steps for one episode if it needs whole ones. What depends on what is the same at every size."""
    if not rule.whole or rule.steps >= limit:
        return rule
    own = {f.name: getattr(rule, f.name) for f in fields(rule)}
    inner = {name: _long_enough(value, limit) for name, value in own.items() if isinstance(value, Rule)}
    return dataclasses.replace(rule, **inner, **({"steps": limit} if "steps" in own else {}))
