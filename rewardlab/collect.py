"""The scan over environment steps. `generation.py` has the one for candidates that live a fixed number of episodes each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir

from rewardlab.backend import devices
from rewardlab.backend.randomness import key_for, split
from rewardlab.envs import adapter
from rewardlab.types import Agent, Model, Policy, Trajectory

Guide = Callable[..., Any]  # a scripted policy, (observation, state, params, key) -> action


class Lanes(NamedTuple):
    """Where N lanes stand between two calls.

    obs: [N, ...]. env_state: [N], environment states. alive: bool[N], whether each still lives. memory: [N, ...], what the
    agent remembers; () where it has no memory.
    """

    obs: jax.Array
    env_state: Any
    alive: jax.Array
    memory: Any = ()


def start(env, params, key: jax.Array, lanes: int, candidates: int = 0, memory: Any = ()) -> Lanes:
    """N lanes at the start of fresh episodes, with that memory (`blank`). Consumes the key.

    Candidates meet the same worlds: lane j of each draws the same randomness, so that luck does not decide between them.
    """
    fresh = jax.vmap(lambda k: adapter.reset(env, k, params))(_lane_keys(key, lanes, candidates))
    obs, env_state = jax.tree.map(lambda x: jnp.tile(x, (max(candidates, 1), *[1] * (x.ndim - 1))), fresh)
    return Lanes(obs, env_state, jnp.ones(lanes, bool), memory)


def grouped(agent: Agent, candidates: int) -> Agent:
    """The agent, for parameters with a leading axis [C] and lanes [N] that are grouped by candidate; without any, itself."""
    if not candidates:
        return agent

    def apart(tree):
        return jax.tree.map(lambda x: x.reshape(candidates, -1, *x.shape[1:]), tree)

    def together(tree):
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), tree)

    def begin(params, lanes):
        return together(jax.vmap(lambda params: agent.start(params, lanes // candidates))(params))

    def step(params, memory, obs):
        return together(jax.vmap(agent.step)(params, apart(memory), apart(obs)))

    def each(function):
        return lambda params, *given: together(jax.vmap(function)(params, *map(apart, given)))

    return agent._replace(start=begin, step=step, model=agent.model and Model(*map(each, agent.model)))


def blank(agent: Agent, policy: Policy, lanes: int, candidates: int = 0):
    """The memory of N lanes that know nothing yet: [N, ...]; () where the agent has none."""
    return grouped(agent, candidates).start(policy.params, lanes)


def act(agent: Agent, policy: Policy, memory, obs: jax.Array, key: jax.Array, candidates: int = 0):
    """(actions int32[N], or float32[N, D], extras, memory) for observations [N, ...]; lanes are grouped by candidate. Consumes
    the key.

    Parameters that lanes share go through one batched product, never through a copy per lane.
    """
    return policy.act(grouped(agent, candidates), policy.params, memory, obs, key_for(policy.act, key))


def collect(
    env,
    params,
    agent: Agent,
    policy: Policy,
    lanes: Lanes,
    key: jax.Array,
    steps: int,
    *,
    candidates: int = 0,
    whole: bool = False,
    platform: str | None = None,
    guide: Guide | None = None,
) -> tuple[Lanes, Trajectory]:
    """T = `steps` steps in N lanes. Consumes the key.

    Without `whole`, a lane whose episode ends starts another at once, for ever. With it, no episode starts that might
    not end in time: a lane rests after its last episode, so every return in the trajectory belongs to an episode seen whole,
    and with one episode a lane (`steps` = the time limit) which episodes are seen does not depend on how they go.

    platform: that the program is for, as of `training.Setting`; it changes how fast this is, and nothing else.
    guide: the demonstrator, of lanes without candidates. What it would do is kept with each step (`Trajectory.shown`), and each step
    is its own with the policy's chance of that (`Policy.demonstrates`). With None, nothing of this is computed.
    """
    limit = adapter.time_limit(env)
    last_start = steps - limit if whole else steps
    if last_start < 0:
        raise ValueError(f"whole episodes of up to {limit} steps do not fit into {steps} steps")
    cuts, before = parts(policy.params, lanes.obs, candidates, platform), lanes.memory

    def play(part):
        number, policy_params, lanes = part
        here = policy._replace(params=policy_params)
        one = partial(_step, env, params, agent, here, guide, key, number, candidates // cuts, last_start, whole)
        lanes, seen = _scan(one, lanes, steps, whole and devices.branches_well(platform))
        return lanes, seen if whole else seen._replace(mask=jnp.ones(seen.terminated.shape, bool))

    if cuts == 1:
        lanes, seen = play((0, policy.params, lanes))
    else:
        cut = jax.tree.map(lambda x: x.reshape(cuts, -1, *x.shape[1:]), (policy.params, lanes))
        lanes, seen = jax.lax.map(play, (jnp.arange(cuts), *cut))
        seen = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), seen)
        seen = jax.tree.map(lambda x: x.reshape(steps, -1, *x.shape[3:]), seen)
        lanes = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), lanes)
    return lanes, seen._replace(memory=jax.tree.map(lambda x: x[None], before))


def _step(env, params, agent, policy, guide, key, part, candidates, last_start, whole, lanes, t):
    """One step of all lanes of one part of the candidates: (where they stand then, what was seen)."""
    n = lanes.alive.shape[0]
    act_key, step_key, reset_key = split(jax.random.fold_in(key, t), 3)
    act_key, shown = jax.random.fold_in(act_key, part), ()
    if guide is not None:
        act_key, guide_key, lead_key = split(act_key, 3)
        shown = jax.vmap(partial(guided, guide, params))(lanes.obs, lanes.env_state, jax.random.split(guide_key, n))
    action, extras, memory = act(agent, policy, lanes.memory, lanes.obs, act_key, candidates)
    if guide is not None:
        action = where(jax.random.uniform(lead_key, (n,)) < policy.demonstrates, shown, action)
    step_one = lambda k, s, a: adapter.step(env, k, s, a, params)  # noqa: E731
    stepped = _each(step_one, _lane_keys(step_key, n, candidates), candidates, lanes.env_state, action)
    unsaid: Any = None
    seen = Trajectory(
        obs=lanes.obs,
        action=action,
        next_obs=stepped.obs,
        terminated=stepped.terminated,
        truncated=stepped.truncated,
        mask=unsaid,  # without `whole` every step is: filled in after the scan, which need not carry it
        extras=extras,
        signals=stepped.signals,
        shown=shown,
    )
    obs, env_state, alive = stepped.obs, stepped.state, lanes.alive
    begins = stepped.terminated | stepped.truncated
    if whole:  # a lane at rest stays where it is: worlds may go anywhere beyond an episode's end
        seen = seen._replace(terminated=seen.terminated & alive, truncated=seen.truncated & alive, mask=alive)
        obs, env_state = where(alive, (obs, env_state), (lanes.obs, lanes.env_state))
        alive = alive & ~(begins & (t + 1 > last_start))
        begins = begins & alive
    if last_start:
        obs, env_state = _renewed(env, params, reset_key, begins, obs, env_state, candidates)
        memory = where(begins, blank(agent, policy, n, candidates), memory)
    return Lanes(obs, env_state, alive, memory), seen


def guided(guide: Guide, params, obs, env_state, key):
    """What a scripted policy does in one lane, of an action's own dtype. Consumes the key."""
    action = jnp.asarray(guide(obs, env_state, params, key_for(guide, key)))
    return action.astype(jnp.int32 if jnp.issubdtype(action.dtype, jnp.integer) else jnp.float32)


PART_BYTES = 3 * 2**18  # what candidates that act together read in a step: so many stay in a core's cache of 1 MB
BLOCK = 32  # steps between two looks at whether anyone still lives


def parts(params, obs, candidates: int, platform: str | None = None) -> int:
    """Into how many parts candidates are cut, one playing after the other. Only a CPU's cache asks for more than one."""
    if not (candidates and devices.branches_well(platform)):
        return 1
    size = sum(x.size * 4 for x in jax.tree.leaves((params, obs)))  # observations enter the network as float32
    return next(
        n for n in range(1, candidates + 1) if candidates % n == 0 and (size // n <= PART_BYTES or n == candidates)
    )


def _scan(one, lanes: Lanes, steps: int, ends: bool):
    """A scan of `one` over steps; where lanes may come to rest for good, what nobody lives any more is not computed."""
    if not ends:
        return jax.lax.scan(one, lanes, jnp.arange(steps))
    lanes, seen = jax.lax.scan(partial(scan_if_alive, one), lanes, blocks(steps, BLOCK))
    return lanes, jax.tree.map(lambda x: x.reshape(steps, *x.shape[2:]), seen)


def blocks(steps: int, largest: int) -> jax.Array:
    """The numbers of the steps, int32[blocks, size], in blocks of the largest size that divides them."""
    size = next(size for size in range(largest, 0, -1) if steps % size == 0)
    return jnp.arange(steps).reshape(-1, size)


def scan_if_alive(one, lanes, ts):
    """A scan of `one` over steps, or, where none of the lanes is alive in the whole batch, nothing but zeros."""
    play = lambda lanes, ts: jax.lax.scan(one, lanes, ts)  # noqa: E731

    def rest(lanes, ts):
        seen = jax.eval_shape(play, lanes, ts)[1]
        return lanes, jax.tree.map(lambda x: jax.lax.full_like(x, 0), seen)

    return jax.lax.cond(anywhere(lanes.alive), play, rest, lanes, ts)


def anywhere(flags: jax.Array) -> jax.Array:
    """Whether any of the flags holds, bool[]; under `vmap`, whether any does in the whole batch; beyond a CPU, always true.

    So `cond` on it stays a branch under `vmap`, and is none where a branch makes the device wait for its host: it is decided as
    the program is lowered, for whatever platform that is. It may decide only whether work is done, never what comes out.
    """
    return anywhere_p.bind(flags)


anywhere_p = Primitive("anywhere")
anywhere_p.def_impl(jax.jit(anywhere_p.bind))
anywhere_p.def_abstract_eval(lambda flags: flags.update(shape=()))
mlir.register_lowering(anywhere_p, mlir.lower_fun(lambda flags: jnp.bool_(True), multiple_results=False))
mlir.register_lowering(anywhere_p, mlir.lower_fun(jnp.any, multiple_results=False), platform="cpu")
batching.primitive_batchers[anywhere_p] = lambda operands, axes: (anywhere_p.bind(*operands), None)


def _renewed(env, params, key, begins, obs, env_state, candidates):
    """(obs, env_state) of N lanes, of fresh episodes where `begins`, bool[N]. Where no lane begins, nothing is drawn."""
    fresh = lambda: start(env, params, key, begins.shape[0], candidates)  # noqa: E731
    if not adapter.observes(env):
        return if_any(begins, lambda old: where(begins, fresh()[:2], old), (obs, env_state))
    env_state = if_any(begins, lambda old: where(begins, fresh().env_state, old), env_state)
    return jax.vmap(lambda s: adapter.observe(env, s, params))(env_state), env_state


def if_any(flags, change, old):
    """change(old), which is `old` where no flag holds; where branches are cheap, it is then not computed."""
    return jax.lax.cond(anywhere(flags), change, lambda old: old, old)


def where(flags, one, other):
    """Leaf by leaf, `one` where the flag holds, `other` elsewhere; the flags' axes come first."""
    choose = lambda x, y: jnp.where(flags.reshape(*flags.shape, *[1] * (x.ndim - flags.ndim)), x, y)  # noqa: E731
    return jax.tree.map(choose, one, other)


def _each(function, keys, candidates, *lanes):
    """function(key, *one lane's) for N lanes; candidates share keys, and values that depend only on the key are computed once."""
    if not candidates:
        return jax.vmap(function)(keys, *lanes)
    grouped = jax.tree.map(lambda x: x.reshape(candidates, -1, *x.shape[1:]), lanes)
    out = jax.vmap(lambda *grouped: jax.vmap(function)(keys, *grouped))(*grouped)
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), out)


def _lane_keys(key, lanes, candidates):
    """The keys of each candidate's lanes, or of all lanes."""
    return jax.random.split(key, lanes // max(candidates, 1))
