"""The only loop over updates. Pure functions of one seed: jit and vmap them over seeds and over hyperparameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rewardlab import agents, envs, rules
from rewardlab.agents import MLP
from rewardlab.agents.spec import raw
from rewardlab.agents.standardise import amplified, measured, standardised
from rewardlab.backend import devices
from rewardlab.backend.randomness import check_one, fast, key_for, split
from rewardlab.collect import Lanes, blank, collect, start
from rewardlab.envs import adapter
from rewardlab.envs.packing import Packed, unpacking
from rewardlab.envs.world import asking, offers
from rewardlab.generation import live
from rewardlab.inputs.errors import InputError, show, unknown
from rewardlab.inputs.fields import MOST_STEPS, checked, coerce
from rewardlab.judges import Judge, judged, world
from rewardlab.probes.outcomes import Outcomes, counts, outcomes
from rewardlab.rules import contract
from rewardlab.types import Agent, Policy, PyTree, Rule

REVISED = 2**32 - 2  # folded into a run's key, then the number of updates: no update has that number
Note = Callable[[Any, Any], Any]
Weights = dict[str, jax.Array] | None


class Carry(NamedTuple):
    """One seed's training, between two updates.

    state: the rule's. lanes: where the worlds stand, or None for rules that see whole episodes.
    steps: int32[], environment steps lived, every one counted. updates: int32[].
    log: the rule's log of the last update. finite: bool[], whether every reward so far was a finite number.
    records: what probes of updates have found so far (`recording.py`), or the `Curve` of `train`; () without any.
    met: float32[] each, the sums over all steps lived so far of what the setting counts.
    """

    state: Any
    lanes: Lanes | None
    steps: jax.Array
    updates: jax.Array
    log: dict[str, jax.Array]
    finite: jax.Array
    records: Any = ()
    met: Any = ()


class Setting(NamedTuple):
    """What stays fixed while an agent is trained: a world, an agent for it, and who judges. Compared by identity.

    platform: what its programs are for, "cpu", "gpu" or "tpu"; None: jax's default backend.
    counted: the world's signals whose sums over training are kept (`Carry.met`), and numbers of outcomes, of which it is counted
        how many episodes ended so. No rule sees them.
    """

    env: Any
    agent: Agent
    judge: Judge = world
    platform: str | None = None
    counted: tuple[str | int, ...] = ()

    def __eq__(self, other: object) -> bool:
        return object.__eq__(self, other)

    def __hash__(self) -> int:  # worlds need not be hashable
        return object.__hash__(self)


def setting(
    env: Any,
    rule: Rule,
    spec: Any = MLP(),
    judge: Judge = world,
    main: dict[str, bool | int | float] | None = None,
    platform: str | None = None,
) -> Setting:
    """The world, the agent that the rule needs in it, and the judge. spec: whatever `agents.spec` takes.

    Raises InputError for a world, a rule or a judge that does not do what it has to (`adapter.signature`, `rules.contract`).
    main: fields of the world's params while training, where they are not their defaults: inputs are standardised by them.
    platform: as of `Setting`.
    """
    spec = checked(agents.spec(spec), "agent")
    contract.check(rule, env, spec, judge)
    by = measured(env, main) if spec.inputs == "standardised" else None
    if spec.gains:
        if by is None:
            raise InputError("agent.gains are of standardised inputs; allowed: none, or agent.inputs = 'standardised'")
        by = amplified(by, env, spec.gains)
    prepare, seen = partial(standardised, by=by) if by else raw, adapter.signature(env)
    agent = agents.make(spec, seen.obs, rules.heads(rule, env), prepare, seen.parts, asking(env))
    if offers(env, "packed") and not devices.branches_well(platform):
        env, agent = Packed(env), unpacking(agent)
    return Setting(env, agent, judge, platform)


def deployed(s: Setting, rule: Rule) -> Policy:
    """How the policy that a rule hands over acts, and in which other ways it may, without parameters: `Policy.act` and `ways`
    depend on nothing but what they are given.
    """
    acts: list[Policy] = []

    def look(rule: Rule, key: jax.Array) -> PyTree:
        policy = rule.deploy(s.agent, rule.init(s.agent, key_for(rule.init, key)))
        acts.append(policy._replace(params=None))
        return policy.params

    jax.eval_shape(look, rule, jax.eval_shape(lambda: jax.random.key(0)))
    return acts[0]


def begin(s: Setting, rule: Rule, params: PyTree, run_key: jax.Array, weights: Weights = None) -> Carry:
    """An untrained seed. `run_key` is the seed's own key; it is folded, never consumed. weights: as of `update`."""
    init_key, lanes_key, behave_key = split(jax.random.fold_in(fast(run_key), 0), 3)
    state = rule.init(s.agent, key_for(rule.init, init_key))
    lanes, memory = None, ()
    if not rule.whole:
        if s.agent.remembers:
            policy = rule.behave(s.agent, state, key_for(rule.behave, behave_key))
            memory = blank(s.agent, policy, rule.num_envs, rule.candidates)
        lanes = start(s.env, params, lanes_key, rule.num_envs, rule.candidates, memory)
    met = tuple(jnp.float32(0.0) for _ in s.counted)
    carry = Carry(state, lanes, jnp.int32(0), jnp.int32(0), {}, jnp.bool_(True), met=met)
    log = jax.eval_shape(partial(_update, s), rule, params, run_key, carry, weights).log
    return carry._replace(log=jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), log))


def update(s: Setting, rule: Rule, params: PyTree, run_key: jax.Array, carry: Carry, weights: Weights = None) -> Carry:
    """Collect, judge, update, once. The keys depend on the seed's key and on the number of the update alone.

    weights: {signal of the world: float32[]}, whose sum is the reward, in place of what the judge says; None: the judge says it.
    """
    update_key = jax.random.fold_in(fast(run_key), carry.updates + 1)
    behave_key, start_key, collect_key, rule_key = split(update_key, 4)
    policy = rule.behave(s.agent, carry.state, key_for(rule.behave, behave_key))
    if rule.whole and rule.candidates and rule.episodes:
        lanes, trajectory = None, live(s.env, params, s.agent, policy, start_key, collect_key, rule, s.platform)
    else:
        lanes = carry.lanes
        if rule.whole:
            lanes = _begun(s, rule, params, policy, start_key)
        assert lanes is not None  # they begin here, or carry on
        lanes, trajectory = collect(
            s.env,
            params,
            s.agent,
            policy,
            lanes,
            collect_key,
            rule.unroll_length,
            candidates=rule.candidates,
            whole=rule.whole,
            platform=s.platform,
            guide=adapter.scripted(s.env)[rule.shown] if rule.shown else None,
        )
    experience = judged(trajectory, s.judge, weights, rule.told)
    state, log = rule.update(s.agent, carry.state, experience, key_for(rule.update, rule_key))
    # Lanes that carry on live every step. Said so, and not counted, the count is known to be the same for all seeds.
    lived = trajectory.mask.sum(dtype=jnp.int32) if rule.whole else jnp.int32(rule.num_envs * rule.unroll_length)
    new = (jnp.where(trajectory.mask, counts(trajectory, what), 0.0).sum() for what in s.counted)
    return Carry(
        state=state,
        lanes=None if rule.whole else lanes,
        steps=carry.steps + lived,
        updates=carry.updates + 1,
        log=log,
        finite=carry.finite & (jnp.isfinite(experience.reward) | ~experience.mask).all(),
        met=tuple(before + more for before, more in zip(carry.met, new, strict=True)),
    )


def revised(s: Setting, rule: Rule, params: PyTree, run_key: jax.Array, carry: Carry) -> dict[str, Any]:
    """What a world makes of those who act now (`World.revised`), {field of its params: value}. It is shown one whole episode a
    lane, which are none of the seed's own and not counted. The keys depend on the seed's key and on the number of updates alone.
    """
    key = jax.random.fold_in(jax.random.fold_in(fast(run_key), REVISED), carry.updates)
    behave_key, start_key, collect_key, world_key = split(key, 4)
    policy = rule.behave(s.agent, carry.state, key_for(rule.behave, behave_key))
    _, seen = collect(
        s.env,
        params,
        s.agent,
        policy,
        _begun(s, rule, params, policy, start_key),
        collect_key,
        adapter.time_limit(s.env),
        candidates=rule.candidates,
        whole=True,
        platform=s.platform,
    )
    return dict(s.env.revised(params, seen, key_for(s.env.revised, world_key)))


def _begun(s: Setting, rule: Rule, params: PyTree, policy: Policy, key: jax.Array) -> Lanes:
    """Lanes in which episodes begin, of those who act by this policy. Consumes the key."""
    memory = blank(s.agent, policy, rule.num_envs, rule.candidates)
    return start(s.env, params, key, rule.num_envs, rule.candidates, memory)


_update = jax.jit(update, static_argnums=0)  # traced once, though `begin` asks what the log will be


def advance(
    s: Setting,
    rule: Rule,
    params: PyTree,
    run_key: jax.Array,
    carry: Carry,
    target: jax.Array,
    note: Note | None = None,
    weights: Weights = None,
) -> Carry:
    """Updates until at least `target` (int32[]) environment steps have been lived.

    weights: as of `update`. note: (the carry's records, the carry after an update) -> the records then; None where there are none.
    """

    def one(before: Carry) -> Carry:
        after = _update(s, rule, params, run_key, before._replace(log={}, records=()), weights)
        return after._replace(records=note(before.records, after)) if note else after

    return jax.lax.while_loop(lambda c: c.steps < target, one, carry)


def params_of(env: Any, params: Any) -> Any:
    """A world's params: its default ones (None), those with some fields changed, {field: number}, or an object of them, as it is.

    Numbers may be traced. Raises InputError for other fields, other kinds of params, and longer episodes than the world's own.
    """
    default = env.default_params
    if params is None:
        return default
    if isinstance(params, dict):
        traced, kinds = (
            {k: x for k, x in params.items() if isinstance(x, jax.core.Tracer)},
            envs.params_kinds(env) or {},
        )
        for name in traced.keys() - kinds.keys():
            raise unknown("name in params", name, kinds)
        told = envs.params(env, "params", **{name: x for name, x in params.items() if name not in traced})
        return adapter.set_params(told, traced)
    if type(params) is not type(default):
        raise InputError(f"params = {show(params, 80)}; allowed: a dict {{field: number}}, or {type(default).__name__}")
    adapter.check_limit(env, params)  # longer episodes would be cut
    return params


class Curve(NamedTuple):
    """What `train` measured on the way, at P + 1 points: before training, and then P times, evenly spaced.

    steps: int32[P + 1], environment steps lived. found: Outcomes [P + 1, ...], of whole episodes of the policy that the rule would
    hand over. log: {name: float32[P + 1]}, what the rule said of the last update before each point; 0 before training.
    """

    steps: jax.Array
    found: Outcomes
    log: dict[str, jax.Array]


def train(
    key: jax.Array,
    rule: Any,
    env: Any,
    params: PyTree = None,
    *,
    spec: Any = MLP(),
    total_steps: int = 100_000,
    judge: Judge = world,
    points: int = 0,
    episodes: int = 128,
    log: bool = False,
    steps: int | None = None,
) -> Carry:
    """Trains one seed for at least `total_steps` environment steps. Pure: `jax.jit(jax.vmap(partial(train, ...)))` is many agents.

    rule, env: a rule and a world, or their names or paths. params: the world's (`params_of`).
    spec: the network, whatever `agents.spec` takes. Inputs are standardised under the world's default params. judge: who says
    what is reward. points: how often the policy is evaluated on the way, in so many `episodes` of the world that it is trained
    in; then the carry's `records` are a `Curve`, with the rule's own `log` where that is asked for (at the beginning and the end,
    if no points are). steps: the old name of total_steps.

    The trained policy is `rewardlab.deploy(rule, env, carry.state)`. Raises InputError for more steps than can be counted, and for
    anything but one threefry key.
    """
    check_one(key)
    rule, env = rule if isinstance(rule, Rule) else rules.make(rule), envs.make(env)
    log = coerce(log, bool, "log")
    total_steps = coerce(total_steps if steps is None else steps, int, "total_steps", (0, MOST_STEPS))
    points, episodes = coerce(points, int, "points", (0, 10**4)), coerce(episodes, int, "episodes", (1, 10**6))
    s = setting(env, rule, spec, judge)
    params = params_of(env, params)
    begun = begin(s, rule, params, key)
    if not (points or log):
        return advance(s, rule, params, key, begun, jnp.int32(total_steps))

    def reach(carry: Carry, target: jax.Array) -> tuple[Carry, Any]:
        carry = advance(s, rule, params, key, carry, target)
        seen = jax.random.fold_in(fast(key), 2**32 - 1)  # of no update, and the same at every point
        found = outcomes(env, params, s.agent, rule.deploy(s.agent, carry.state), seen, episodes)
        return carry, Curve(carry.steps, found, carry.log if log else {})

    targets = [total_steps * i // points for i in range(points + 1)] if points else [0, total_steps]
    carry, curve = jax.lax.scan(reach, begun, jnp.array(targets, jnp.int32))
    return carry._replace(records=curve)
