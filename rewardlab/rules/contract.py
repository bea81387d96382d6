"""What a rule has to do, and one line for a rule that does something else: its methods are traced once, nothing is computed.

A rule is told made-up shapes of experience, those that its world and its own `num_envs` and `unroll_length` come
to; the world is not traced for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp

from rewardlab import agents, judges, rules
from rewardlab.agents import MLP, Spec
from rewardlab.analysis.wording import LEVELS
from rewardlab.backend.memory import Memory
from rewardlab.collect import act, blank, guided
from rewardlab.envs import adapter
from rewardlab.envs.contract import form, same
from rewardlab.envs.contract import name_of as world_name
from rewardlab.envs.world import asking, reward_in_view
from rewardlab.generation import time_needed
from rewardlab.inputs.errors import InputError, calling, out_of_range, returned, show
from rewardlab.inputs.fields import LARGEST_SIZE
from rewardlab.judges import Judge
from rewardlab.types import Agent, Box, Experience, Policy, Rule, Trajectory

METHODS = ("heads", "init", "behave", "update", "deploy")
FEW = 2  # lanes that a deployed policy is tried in
_passed = Memory()


def check(rule: Rule, env: Any, spec: Spec = MLP(), judge: Judge = judges.world, where: str = "rule") -> None:
    """Raises InputError, which begins with `where` or names a method, for a rule that does not do what `types.Rule` says.

    What it does is traced with this agent in this world, once for each kind of rule: its float fields may be anything.
    """
    name = rules.name_of(type(rule)) or type(rule).__name__
    _declared(rule, where)
    for field in fields(rule):
        if isinstance(inner := getattr(rule, field.name), Rule):  # one that this one is around
            check(inner, env, spec, judge, f"{where}.{field.name}")
    rules.check_actions(rule, env, where)
    rules.check_asks(rule, env, where)
    if spec.perceives and not reward_in_view(env):
        raise InputError(
            f"agent = {type(spec).__name__} learns from the reward that it is shown, and {world_name(env)} does not show it last "
            "in an observation; allowed: reward_in_view around that world"
        )
    limit = adapter.time_limit(env)
    if rule.whole and rule.unroll_length < (needed := time_needed(rule, limit)):
        what = f"its {rule.episodes} episodes a candidate" if rule.episodes else "whole episodes"
        allowed = f"{needed} or more, for {what} in this world, of up to {limit} steps each"
        raise out_of_range(f"{where}.unroll_length", rule.unroll_length, allowed)
    # Each seed of a sweep may have numbers of its own: here one is enough.
    one = jax.tree.map(lambda x: jax.ShapeDtypeStruct((), jnp.float32), rule)
    known, kind = _passed.of(env), (spec, judge, jax.tree.structure(rule))
    if kind not in known:
        _trace(one, name, env, spec, judge, where)
        known[kind] = True


def _declared(rule: Rule, where: str) -> None:
    """Checks what a rule says of itself."""
    cls = type(rule)
    missing = [method for method in METHODS if getattr(cls, method) is getattr(Rule, method)]
    missing += [name for name in ("level", "whole", "num_envs", "unroll_length") if not hasattr(rule, name)]
    if missing:
        raise returned(where, f"= {cls.__name__} lacks {', '.join(missing)}", "all that `rewardlab.Rule` lists")
    if jax.tree_util.all_leaves([rule]):
        raise returned(where, f"= {cls.__name__} is no pytree", "a class decorated by flax.struct.dataclass, itself")
    try:
        hash(jax.tree.structure(rule))
    except TypeError:
        raise returned(
            where, f"= {cls.__name__} has a static field that has no hash", "numbers, texts or tuples"
        ) from None
    for path, leaf in jax.tree_util.tree_leaves_with_path(rule):
        field = jax.tree_util.keystr(path)
        if not (isinstance(leaf, float) or (hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating))):
            raise returned(
                f"{where}{field}", f"= {show(leaf)} is no float", "struct.field(pytree_node=False) for what is none"
            )
    if isinstance(rule.level, bool) or not isinstance(rule.level, Integral) or rule.level not in LEVELS:
        allowed = "; ".join(f"{level}: {reads}" for level, reads in LEVELS.items())
        raise returned(f"{where}.level", f"= {show(rule.level)}", f"what it reads of reward, {allowed}")
    for name in ("whole", "continuous", "asks", "imagines"):
        if not isinstance(getattr(rule, name), bool):
            raise returned(f"{where}.{name}", f"= {show(getattr(rule, name))}", "True or False")
    for name, least in {"num_envs": 1, "unroll_length": 1, "candidates": 0, "episodes": 0}.items():
        value = getattr(rule, name)
        if isinstance(value, bool) or not isinstance(value, Integral) or not least <= value <= LARGEST_SIZE:
            raise returned(f"{where}.{name}", f"= {show(value)}", f"a whole number, at least {least}")
    if not isinstance(rule.shown, str):
        raise returned(f"{where}.shown", f"= {show(rule.shown)}", "the name of a scripted policy, or an empty text")
    if rule.shown and rule.candidates:
        raise returned(f"{where}.shown", f"= {show(rule.shown)}", "an empty text, as the rule has candidates")
    if rule.candidates and rule.num_envs % rule.candidates:
        raise returned(f"{where}.num_envs", f"= {rule.num_envs}", f"a multiple of its {rule.candidates} candidates")


def _trace(rule: Rule, name: str, env: Any, spec: Spec, judge: Judge, where: str) -> None:
    def asked(method: str, function, *arguments):
        with calling(f"{method} of rule {name}"):
            return jax.eval_shape(function, *arguments)

    seen, actions, key = adapter.signature(env), adapter.actions(env), jax.eval_shape(lambda: jax.random.key(0))
    agent = agents.make(spec, seen.obs, _heads(rule, name, actions), parts=seen.parts, asking=asking(env))
    _network(agent, seen.obs, _heads(rule, name, actions))
    rules.check_memory(rule, agent, where)
    rules.check_model(rule, agent, where)
    rules.check_told(rule, env, where)
    rules.check_shown(rule, env, where)
    state = asked("init", lambda rule, key: _arrays(f"init of rule {name}", rule.init(agent, key)), rule, key)
    obs = jax.ShapeDtypeStruct((rule.num_envs, *seen.obs.shape), seen.obs.dtype)
    take = lambda rule, state, obs, *keys: _behave(rule, name, agent, state, obs, *keys)  # noqa: E731
    action, extras, memory = asked("behave", take, rule, state, obs, key, key)
    like = adapter.sample_action(env, env.default_params)
    _acted(f"Policy.act from behave of rule {name}", action, extras, like, rule.num_envs)

    T, N = rule.unroll_length, rule.num_envs
    lived = lambda x: jax.ShapeDtypeStruct((T, N, *x.shape), x.dtype)  # noqa: E731
    each = lambda x: jax.ShapeDtypeStruct((T, *x.shape), x.dtype)  # noqa: E731
    flag: Any
    reward: Any
    flag, reward = (jax.ShapeDtypeStruct((T, N), dtype) for dtype in (jnp.bool_, jnp.float32))
    extras = jax.tree.map(each, extras)
    steps: tuple[Any, Any, Any] = (lived(seen.obs), each(action), lived(seen.obs))
    _judge(judge, Trajectory(*steps, flag, flag, flag, extras, jax.tree.map(lived, seen.signals)), reward)
    before = jax.tree.map(lambda x: jax.ShapeDtypeStruct((1, *x.shape), x.dtype), memory)
    shown = _shown(rule, env, where)
    told = Experience(*steps, reward, flag, flag, flag, extras, before, dict.fromkeys(rule.told, reward), shown)
    change = lambda rule, state, told, key: _updated(rule, name, agent, state, told, key)  # noqa: E731
    after, _ = asked("update", change, rule, state, told, key)
    same(f"the state that update of rule {name} returned", state, after)
    acts: list[Any] = []
    params = asked("deploy", lambda rule, state: _deploy(rule, name, agent, state, acts), rule, state)
    few = jax.ShapeDtypeStruct((FEW, *seen.obs.shape), seen.obs.dtype)
    what = f"Policy.act from deploy of rule {name}"
    with calling(what):  # apart from the state: it is given the parameters alone
        act_ = lambda params, obs, key: _one_act(what, agent, Policy(params, acts[0]), obs, key)  # noqa: E731
        traced, (action, extras, _) = jax.make_jaxpr(act_, return_shape=True)(params, few, key)
    if any(isinstance(x, jax.core.Tracer) for x in traced.consts):
        raise returned(what, "reads numbers of the rule's or of its state", "all that it depends on in Policy.params")
    _acted(what, action, extras, like, FEW)


def _heads(rule: Rule, name: str, actions: int | Box) -> dict[str, int | Box]:
    what, expected = (
        f"heads of rule {name}",
        "a dict {name: size, or the Box of actions}, what decides on the action first",
    )
    heads: Any
    with calling(what):
        heads = rule.heads(actions)
    if not isinstance(heads, dict) or not heads or not all(isinstance(head, str) and head for head in heads):
        raise returned(what, f"returned {show(heads)}", expected)
    for size in heads.values():
        whole = isinstance(size, Integral) and not isinstance(size, bool) and int(size) >= 1
        if not (whole or (isinstance(size, Box) and size == actions)):
            raise returned(what, f"returned {show(heads)}", expected)
    head, size = next(iter(heads.items()))
    if size != actions:
        raise returned(
            what, f"returned {head!r} of size {show(size)} first", f"one of size {show(actions)}, an entry an action"
        )
    return heads


def _network(agent: Agent, obs: jax.ShapeDtypeStruct, heads: Mapping[str, int | Box]) -> None:
    """Checks that a network of the user's has the heads that it should, and keeps the form of its memory."""
    key, few = jax.eval_shape(lambda: jax.random.key(0)), jax.ShapeDtypeStruct((FEW, *obs.shape), obs.dtype)
    with calling("init of the agent"):
        params = jax.eval_shape(agent.init, key)
    others = [
        f"{jax.tree_util.keystr(p)} {x.dtype}"
        for p, x in jax.tree_util.tree_leaves_with_path(params)
        if x.dtype != "float32"
    ]
    if others:
        raise returned("init of the agent", f"returned {', '.join(others[:3])}", "parameters that are all float32")
    with calling("start of the agent"):
        memory = jax.eval_shape(lambda params: agent.start(params, FEW), params)
    with calling("step of the agent"):
        outputs, after = jax.eval_shape(agent.step, params, memory, few)
    same("the memory that step of the agent returned", memory, after)
    sizes = {name: jax.tree.leaves(said)[0].shape for name, said in outputs.items()}
    wanted = {name: (FEW, size.size if isinstance(size, Box) else size) for name, size in heads.items()}
    if any(sizes.get(name) != shape for name, shape in wanted.items()):
        raise returned("step of the agent", f"returned {show(sizes)} for {FEW} observations", show(wanted))


def _policy(what: str, given: Any) -> Policy:
    if not isinstance(given, Policy) or not callable(given.act):
        raise returned(what, f"returned {form(given)}", "Policy(params, act)")
    return given


def _behave(rule: Rule, name: str, agent: Agent, state: Any, obs: jax.Array, key: jax.Array, act_key: jax.Array):
    what = f"behave of rule {name}"
    policy = _policy(what, rule.behave(agent, state, key))
    candidates = (rule.candidates,) * bool(rule.candidates)
    like = jax.eval_shape(agent.init, jax.eval_shape(lambda: jax.random.key(0)))
    like = jax.tree.map(lambda x: jax.ShapeDtypeStruct((*candidates, *x.shape), x.dtype), like)
    same(f"Policy.params from {what}", like, jax.eval_shape(lambda: policy.params), "as agent.init gives")
    return _one_act(f"Policy.act from {what}", agent, policy, obs, act_key, rule.candidates)


def _one_act(what: str, agent: Agent, policy: Policy, obs: jax.Array, key: jax.Array, candidates: int = 0):
    """(actions, extras, memory) of one step from a blank memory, which has to stay of its form."""
    before = blank(agent, policy, obs.shape[0], candidates)

    def checked(*given):
        out = policy.act(*given)
        if not isinstance(out, tuple) or len(out) != 3 or not isinstance(out[1], Mapping):
            raise returned(what, f"returned {form(out)}", "(actions, a dict of what is kept with the step, memory)")
        return _arrays(what, out[0]), _arrays(what, dict(out[1])), _arrays(what, out[2])

    action, extras, memory = act(agent, policy._replace(act=checked), before, obs, key, candidates)
    same(f"the memory that {what} returned", *(jax.eval_shape(lambda x=x: x) for x in (before, memory)))
    return action, extras, memory


def _deploy(rule: Rule, name: str, agent: Agent, state: Any, acts: list):
    what = f"deploy of rule {name}"
    policy = _policy(what, rule.deploy(agent, state))
    acts.append(policy.act)
    return _arrays(what, policy.params)


def _acted(what: str, action: Any, extras: Mapping, like: jax.Array, lanes: int) -> None:
    kind = jnp.integer if jnp.issubdtype(like.dtype, jnp.integer) else jnp.floating
    shape = (lanes, like.size) if kind is jnp.floating else (lanes,)
    if not hasattr(action, "shape") or action.shape != shape or not jnp.issubdtype(action.dtype, kind):
        raise returned(what, f"returned {form(action)} as actions", f"{like.dtype}{list(shape)}")
    for name, x in extras.items():
        if not hasattr(x, "shape") or x.shape[:1] != (lanes,):
            raise returned(what, f"returned {form(x)} as {name!r}", f"an array of shape [{lanes}, ...], a row a lane")


def _shown(rule: Rule, env: Any, where: str) -> Any:
    """The form of what a rule is shown of the demonstrator, as `Trajectory.shown` has it."""
    if not rule.shown:
        return ()
    what, like = f"the policy {rule.shown!r} of {world_name(env)}", adapter.sample_action(env, env.default_params)

    def ask(key, params):
        obs, state = adapter.reset(env, key, params)
        return guided(adapter.scripted(env)[rule.shown], params, obs, state, jax.random.fold_in(key, 1))

    with calling(what):
        given = jax.eval_shape(
            ask, jax.eval_shape(lambda: jax.random.key(0)), adapter.set_params(env.default_params, {})
        )
    same(f"what {what} does", like, given)
    return jax.ShapeDtypeStruct((rule.unroll_length, rule.num_envs, *given.shape), given.dtype)


def _judge(judge: Judge, trajectory: Trajectory, reward: jax.ShapeDtypeStruct) -> None:
    what = f"judge {getattr(judge, '__name__', show(judge))}"
    with calling(what):
        given = jax.eval_shape(judge, trajectory)
    if not hasattr(given, "shape") or given.shape != reward.shape or not jnp.issubdtype(given.dtype, jnp.floating):
        raise returned(what, f"returned {form(given)}", form(reward))


def _updated(rule: Rule, name: str, agent: Agent, state: Any, told: Experience, key: jax.Array):
    given, what = rule.update(agent, state, told, key), f"update of rule {name}"
    if not isinstance(given, tuple) or len(given) != 2:
        raise returned(what, f"returned {form(given)}", "(state, log)")
    state, log = given
    if not isinstance(log, Mapping) or not all(isinstance(entry, str) for entry in log):
        raise returned(what, f"returned {form(log)} as log", "a dict {name: float32[]}")
    for entry, x in log.items():
        x = _arrays(f"{what} returned as log, {entry!r},", x)
        if jnp.shape(x) or jnp.result_type(x) != jnp.float32:
            raise returned(what, f"returned {form(x)} as {entry!r} of its log", "float32[]")
    return _arrays(what, state), log


def _arrays(what: str, tree: Any):
    """The tree, all of whose leaves are arrays or numbers. Raises InputError."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not (hasattr(leaf, "dtype") or isinstance(leaf, (bool, int, float))):
            raise returned(f"{what}{jax.tree_util.keystr(path)}", f"returned {form(leaf)}", "arrays")
    return tree
