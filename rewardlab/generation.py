"""What the candidates of one generation live: so many whole episodes each, the same ones for all of them.

A candidate's lanes take its next episode as they finish, until all of them are done: nothing is cut, and nobody waits for the
slowest lane but at the end. Worlds draw by the number of the episode and the step within it, actions by the candidate, too.
So what is lived does not depend on the number of lanes, nor on which candidates are computed together.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rewardlab.backend import devices
from rewardlab.backend.randomness import split
from rewardlab.collect import act, blank, blocks, if_any, parts, scan_if_alive, where
from rewardlab.envs import adapter
from rewardlab.types import Agent, Policy, Rule, Trajectory

BLOCK = 8  # steps after which the candidates that still live are gathered anew


class Standing(NamedTuple):
    """Where C candidates of L lanes each stand. All arrays have leading axes [C, L], or [C] where it says so.

    alive: bool, whether the lane has an episode under way. episode: int32, its number. time: int32, steps lived in it.
    following: int32[C], the number of the episode that begins next. key: key[C], what the candidate's actions are drawn from.
    memory: what each lane's agent remembers.
    """

    obs: jax.Array
    env_state: Any
    alive: jax.Array
    episode: jax.Array
    time: jax.Array
    following: jax.Array
    key: jax.Array
    memory: Any


class Common(NamedTuple):
    """What is the same for all candidates. obs, env_state: the starts of E episodes, [E, ...]. key: what steps are drawn from."""

    env: Any
    params: Any
    agent: Agent
    act: Any
    obs: jax.Array
    env_state: Any
    key: jax.Array

    @property
    def episodes(self) -> int:
        return self.obs.shape[0]


def live(
    env,
    params,
    agent: Agent,
    policy: Policy,
    start_key: jax.Array,
    key: jax.Array,
    rule: Rule,
    platform: str | None = None,
) -> Trajectory:
    """The episodes of all of a rule's candidates in its lanes, [T, N]. Consumes the keys.

    platform: as of `collect`. Raises ValueError where the rule's steps might not be enough for them.
    """
    candidates, episodes, steps = rule.candidates, rule.episodes, rule.unroll_length
    each, needed = rule.num_envs // candidates, time_needed(rule, adapter.time_limit(env))
    if steps < needed:
        raise ValueError(f"{episodes} episodes a candidate, in {each} lanes, take up to {needed} steps, not {steps}")
    act_key, step_key = split(key, 2)
    obs, env_state = jax.vmap(lambda k: adapter.reset(env, k, params))(jax.random.split(start_key, episodes))
    common = Common(env, params, agent, policy.act, obs, env_state, step_key)
    number = jnp.broadcast_to(jnp.arange(each), (candidates, each))
    first = jax.tree.map(lambda x: x[jnp.minimum(number, episodes - 1)], (obs, env_state))
    standing = Standing(
        obs=first[0],
        env_state=first[1],
        alive=number < episodes,
        episode=number,
        time=jnp.zeros_like(number),
        following=jnp.full(candidates, each),
        key=jax.vmap(partial(jax.random.fold_in, act_key))(jnp.arange(candidates)),
        memory=_each(blank(agent, policy, rule.num_envs, candidates), candidates),
    )
    cuts = parts(policy.params, standing.obs, candidates, platform)
    seen = _play(partial(_step, common), policy.params, standing, steps, cuts, devices.branches_well(platform))
    seen = jax.tree.map(lambda x: x.reshape(steps, rule.num_envs, *x.shape[3:]), seen)
    return seen._replace(memory=jax.tree.map(lambda x: x.reshape(1, rule.num_envs, *x.shape[2:]), standing.memory))


def time_needed(rule: Rule, limit: int) -> int:
    """Steps of an update in which a rule's whole episodes surely end: each lane ends one in any `limit` steps."""
    return -(-rule.episodes * max(rule.candidates, 1) // rule.num_envs) * limit if rule.episodes else limit


def _step(common: Common, candidates, standing: Standing, t):
    """One step of all lanes of some candidates, parameters [C, ...]: (where they stand then, what was seen, [C, L, ...])."""
    env, params = common.env, common.params
    each, again = standing.alive.shape[1], common.episodes > standing.alive.shape[1]
    moment = (standing.episode, standing.time)
    act_keys = jax.vmap(lambda k, m: jax.vmap(partial(_at, k))(m))(standing.key, moment)
    action, extras, memory = _act(common, candidates, standing, act_keys)
    step_one = lambda m, s, a: adapter.step(env, _at(common.key, m), s, a, params)  # noqa: E731
    # A lane that has one episode only is where the same lane of every candidate is: what hangs on chance alone is computed once.
    moments = moment if again else (jnp.arange(each), jnp.broadcast_to(t, each))
    stepped = jax.vmap(jax.vmap(step_one), (0 if again else None, 0, 0))(moments, standing.env_state, action)
    alive = standing.alive
    seen = Trajectory(
        obs=standing.obs,
        action=action,
        next_obs=stepped.obs,
        terminated=stepped.terminated & alive,
        truncated=stepped.truncated & alive,
        mask=alive,
        extras=extras,
        signals=stepped.signals,
    )
    ended = seen.terminated | seen.truncated
    # A lane at rest stays where it is: worlds may go anywhere beyond an episode's end.
    obs, env_state = where(alive, (stepped.obs, stepped.state), (standing.obs, standing.env_state))
    number, following, begins = standing.episode, standing.following, jnp.zeros_like(ended)
    memory = where(alive, memory, standing.memory)
    if again:
        number = jnp.where(ended, following[:, None] + jnp.cumsum(ended, axis=1, dtype=jnp.int32) - 1, number)
        begins, following = ended & (number < common.episodes), following + ended.sum(1, dtype=jnp.int32)
        obs, env_state = _begun(common, begins, number, obs, env_state)
        new = blank(common.agent, Policy(candidates, common.act), ended.size, following.size)
        memory = where(begins, _each(new, following.size), memory)
    after = standing._replace(
        obs=obs,
        env_state=env_state,
        alive=alive & (~ended | begins),
        episode=number,
        time=jnp.where(begins, 0, standing.time + 1),
        following=following,
        memory=memory,
    )
    return after, seen


def _at(key, moment):
    """The key of a moment, (episode, step within it)."""
    episode, time = moment
    return jax.random.fold_in(jax.random.fold_in(key, episode), time)


def _act(common: Common, candidates, standing: Standing, keys):
    """Actions, extras and memory, [C, L, ...]: each lane draws by its own key."""
    count = keys.shape[0]
    memory, obs, keys = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), (standing.memory, standing.obs, keys))
    return _each(act(common.agent, Policy(candidates, common.act), memory, obs, keys, count), count)


def _each(tree, candidates: int):
    """[C · L, ...] leaves as [C, L, ...]."""
    return jax.tree.map(lambda x: x.reshape(candidates, -1, *x.shape[1:]), tree)


def _begun(common: Common, begins, number, obs, env_state):
    """(obs, env_state) [C, L, ...], of the start of episode `number` where a lane begins one."""

    def begin(old, starts):
        return where(begins, jax.tree.map(lambda x: x[jnp.minimum(number, common.episodes - 1)], starts), old)

    if not adapter.observes(common.env):
        return if_any(begins, lambda old: begin(old, (common.obs, common.env_state)), (obs, env_state))
    env_state = if_any(begins, lambda old: begin(old, common.env_state), env_state)
    return jax.vmap(jax.vmap(lambda s: adapter.observe(common.env, s, common.params)))(env_state), env_state


def _play(one, params, standing: Standing, steps: int, cuts: int, branches: bool):
    """What is seen in a scan of one(params, standing, t) over steps, [T, C, L, ...].

    Where branches are cheap, what nobody lives any more is not computed, and those who live on move together: after every
    BLOCK steps candidates are sorted by whether they do, and parts without any rest.
    """
    if not branches:
        return jax.lax.scan(partial(one, params), standing, jnp.arange(steps))[1]
    candidates = standing.following.size

    def turn(standing, ts):
        if cuts == 1:
            return scan_if_alive(partial(one, params), standing, ts)
        order = jnp.argsort(~standing.alive.any(1), stable=True)
        place = jnp.argsort(order)

        def part(which):
            mine, here = jax.tree.map(lambda x: x[which], (params, standing))
            return scan_if_alive(partial(one, mine), here, ts)

        after, seen = jax.lax.map(part, order.reshape(cuts, -1))
        after = jax.tree.map(lambda x: x.reshape(candidates, *x.shape[2:])[place], after)
        # [cuts, block, C / cuts, ...] -> [block, C, ...]
        seen = jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0).reshape(ts.size, candidates, *x.shape[3:])[:, place], seen)
        return after, seen

    _, seen = jax.lax.scan(turn, standing, blocks(steps, BLOCK))
    return jax.tree.map(lambda x: x.reshape(steps, *x.shape[2:]), seen)
