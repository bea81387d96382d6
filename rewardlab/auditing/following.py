"""Follows reward through one traced update of training, and through it again until nothing is new: what comes to what.

Labels are tuples. Of the reward: SIGNAL, the world's own; TOLD, what the rule is told in this update; REWARD, what it is or
was told in any. AMOUNT, what it is or was told, and SHOWN, the world's own, by a chain of floats; MAYBE, either, by an int
that it was converted to, or by how often a loop turned: whether its numbers go on so can't be told. Of the network: ("reads",
head), an output that acts; ("output", head), one in the update; ("slope", head), a derivative of it; ("via", head), a slope
that depends on what was told; ("gradient", head, group), where such a slope came to; ("residual", head) and ("fitted", head)
as `Reach` says.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from rewardlab import training
from rewardlab.agents import Spec
from rewardlab.auditing.dataflow import NONE, Labels, flow
from rewardlab.auditing.marks import Instead, mark, mark_p, marked_agent, marked_world
from rewardlab.backend.randomness import key_for
from rewardlab.collect import blank, start
from rewardlab.envs import adapter
from rewardlab.types import Rule

SIGNAL, REWARD, AMOUNT, TOLD = ("signal",), ("reward",), ("amount",), ("told",)
SHOWN, MAYBE = ("shown",), ("maybe",)
ASKED = ("asked",)  # the return that an episode was asked for
STORED, USED = ("stored",), ("used",)  # the parameters that act, as they are; what was worked out from them
LASTING = {SIGNAL, REWARD, AMOUNT, SHOWN, MAYBE, ASKED}
ORDER = {"sort", "argmax", "argmin", "top_k"}  # the ints that they make of floats are places
SHAPES = {"reshape", "squeeze", "broadcast_in_dim", "convert_element_type", "copy", "slice", "concatenate", "transpose"}


def follow(rule: Rule, spec: Spec, env) -> tuple[list[Any], list[Labels], set]:
    """(paths of the leaves of the policy after an update, the labels of each, the labels of the action)."""
    params = adapter.set_params(env.default_params, {})
    agent = training.setting(env, rule, spec).agent
    setting = training.Setting(marked_world(env), marked_agent(agent, "act "), training.world)
    marked = _marked_rule(rule, marked_agent(agent))

    def begin(key):
        state_key, lanes_key, behave_key = jax.random.split(key, 3)
        state, memory = rule.init(agent, state_key), ()
        if agent.remembers and not rule.whole:
            memory = blank(agent, rule.behave(agent, state, behave_key), rule.num_envs, rule.candidates)
        lanes = None if rule.whole else start(env, params, lanes_key, rule.num_envs, rule.candidates, memory)
        return training.Carry(state, lanes, jnp.int32(0), jnp.int32(0), {}, jnp.bool_(True))

    def update(key, carry):
        carry = training.update(setting, marked, params, key, carry)._replace(log={})
        return rule.deploy(agent, carry.state).params, carry

    key = jax.eval_shape(lambda: jax.random.key(0))
    carry = jax.eval_shape(begin, key)
    jaxpr, (policy, _) = jax.make_jaxpr(update, return_shape=True)(key, carry)
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(policy)]
    labels, through = [NONE] * len(jax.tree.leaves(carry)), _Through()
    while True:
        out = flow(jaxpr, [NONE, *labels], through)
        grown = [a | b for a, b in zip(labels, out[len(paths) :], strict=True)]
        if grown == labels:
            return paths, out[: len(paths)], through.action
        labels = grown


def _marked_rule(rule: Rule, agent):
    """The rule, with marks on its state, whenever it is read, and on what it is told; `agent` is the one that learns."""

    def state_of(state, role):
        leaves, tree = jax.tree.flatten(state)
        return jax.tree.unflatten(tree, [mark(x, role, str(i)) for i, x in enumerate(leaves)])

    def behave(actor, state, key):
        return rule.behave(actor, state_of(state, "act state"), key_for(rule.behave, key))

    def update(_, state, told, key):
        seen = jax.tree.map(lambda x: mark(x, "seen"), told)
        told = seen._replace(
            reward=mark(told.reward, "told"), told={k: mark(x, "told", k) for k, x in told.told.items()}
        )
        return rule.update(agent, state_of(state, "state"), told, key_for(rule.update, key))

    return Instead(rule, behave=behave, update=update)


class _Through:
    """The labels behind an equation. action: those that come to the action. acts: the parts of the state that act as parameters."""

    def __init__(self):
        self.action, self.acts = set(), set()

    def __call__(self, eqn, labels):
        if eqn.primitive is mark_p:
            return [self.mark(eqn.params["role"], eqn.params["name"], labels[0])]
        joined = NONE.union(*labels)
        if STORED in joined and eqn.primitive.name not in SHAPES:
            joined = joined - {STORED} | {USED}
        if eqn.primitive.name in ("add", "sub"):  # not add_any, which sums slopes
            joined |= {("residual", h) for a, b in (labels, labels[::-1]) for h in _outputs(a) if {TOLD, AMOUNT} <= b}
        if eqn.primitive.name == "while" and joined & {REWARD, SIGNAL}:
            joined |= {MAYBE}
        own = labels if eqn.primitive.name == "sort" else [joined] * len(eqn.outvars)
        return [_kept(eqn, v.aval.dtype, joined, mine) for v, mine in zip(eqn.outvars, own, strict=True)]

    def mark(self, role: str, name: str, labels: Labels) -> Labels:
        """What is behind a mark."""
        lasting = labels & LASTING
        match role:
            case "reward":  # the world's
                return labels | {SIGNAL, SHOWN}
            case "asked":
                return frozenset({ASKED})
            case "end":
                return labels - {SIGNAL, SHOWN}
            case "action":
                self.action |= labels
            case "act state":
                return lasting | {("state", name)}
            case "act parameter":
                self.acts |= {x[1] for x in labels if x[0] == "state"}
                return NONE
            case "act output":
                return lasting | {("reads", name)}
            case "told":
                return frozenset({REWARD, AMOUNT, TOLD})
            case "seen":  # whatever else the rule is told
                return lasting
            case "state":
                return lasting | {STORED} if name in self.acts else labels
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


def _kept(eqn, dtype, joined: Labels, own: Labels) -> Labels:
    """What of the labels an output of a dtype keeps. own: those of the operand that it is a copy of, in another order."""
    if jnp.issubdtype(dtype, jnp.floating):
        return joined
    choice = joined - {AMOUNT, SHOWN, MAYBE}
    if dtype == jnp.bool_ or eqn.primitive.name in ORDER:
        return choice | ({MAYBE} & own if eqn.primitive.name == "sort" and dtype != jnp.bool_ else NONE)
    return choice | ({MAYBE} if joined & {AMOUNT, SHOWN, MAYBE} else NONE)


def _outputs(labels: Labels) -> set[str]:
    """The heads behind a value that depends on nothing told; "" for parameters used without the network."""
    return set() if TOLD in labels else {x[1] for x in labels if x[0] == "output"} | ({""} if USED in labels else set())
