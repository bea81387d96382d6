"""Trained policies: handed over after training or read back from a run, then played in any world of the same observations."""

from __future__ import annotations

from typing import Any, NamedTuple

import chex
import jax
import numpy as np

from rewardlab import envs, parts, rules, training
from rewardlab.agents import MLP
from rewardlab.envs import adapter
from rewardlab.errors import InputError, show, unknown
from rewardlab.experiment import Experiment
from rewardlab.fields import coerce
from rewardlab.probes.outcomes import measure, named, played
from rewardlab.training import Setting
from rewardlab.types import Agent, Policy, PyTree, Trajectory


class TrainedPolicy(NamedTuple):
    """A policy with the agent that it runs through.

    agent, policy: as of `types.py`; policy.params are of one seed. head: the output of the network that actions are drawn from
    where there is a temperature.
    """

    agent: Agent
    policy: Policy
    head: str

    @property
    def params(self) -> PyTree:
        """What it acts by: a pytree of float32 arrays."""
        return self.policy.params

    def of(self, params: PyTree) -> TrainedPolicy:
        """The same with other parameters, such as those of another seed: `jax.vmap(lambda p: evaluate(policy.of(p), ...))`."""
        return self._replace(policy=self.policy._replace(params=params))

    def start(self, lanes: int = 1) -> PyTree:
        """The memory of so many lanes whose episodes begin; () of an agent without one."""
        return self.agent.start(self.params, lanes)

    def act(self, obs: jax.Array, key: jax.Array, memory: PyTree = ()) -> tuple[jax.Array, PyTree]:
        """What it does, for observations [N, ...]: (actions int32[N] or float32[N, D], the memory after them). Consumes the key."""
        chex.assert_tree_shape_prefix(memory, jax.tree.leaves(obs)[0].shape[:1])
        action, _, memory = self.policy.act(self.agent, self.params, memory, obs, key)
        return action, memory


def deploy(rule: Any, env: Any, state: PyTree, *, spec: Any = MLP(), main: dict | None = None) -> TrainedPolicy:
    """The policy that a rule hands over, from the state that training left: `deploy("ppo", env, train(...).state)`.

    rule, env: a rule and a world, or their names or paths. state: of one seed. spec: the network that was trained.
    main: the fields of the world's params in training that were not their defaults, by which inputs were standardised.
    Raises InputError.
    """
    made, world = rules.make(rule), envs.make(env)
    s = training.setting(world, made, spec, main=main)
    return TrainedPolicy(s.agent, made.deploy(s.agent, state), next(iter(rules.heads(made, world))))


def rollout(
    policy: TrainedPolicy, env: Any, key: jax.Array, *, params: Any = None, episodes: int = 1, temperature: Any = None
) -> Trajectory:
    """Whole episodes of a policy, Trajectory [T, episodes, ...], one a lane, T the time limit; what is not `lived` is nothing.

    env: a world, its name or path. params: its params, {field: number}, or None for its defaults. temperature: float32[], at
    which actions are drawn; None: the policy acts as it does when it is evaluated, greedily. The same key gives every policy
    the same levels. Pure, to `jit` and `vmap`. Consumes the key. Raises InputError.
    """
    world, there = _place(policy, env, params)
    episodes = coerce(episodes, int, "episodes", (1, 10**6))
    return played(world, there, policy.agent, policy.policy, key, episodes, temperature, policy.head)


def evaluate(
    policy: TrainedPolicy, env: Any, key: jax.Array, *, params: Any = None, episodes: int = 128, temperature: Any = None
) -> dict[str, Any]:
    """How a policy's episodes go: {"return": float32[], mean; "length": float32[], mean, in steps; "outcome_share": {outcome:
    float32[]}}.

    Arguments as of `rollout`. Pure, to `jit` and `vmap`. Consumes the key. Raises InputError.
    """
    world = _place(policy, env, params)[0]
    seen = rollout(policy, world, key, params=params, episodes=episodes, temperature=temperature)
    found = named(measure(world, seen))
    share = dict(zip(adapter.outcomes(world), found.pop("outcome_share"), strict=True))
    return {**found, "outcome_share": share}


def _place(policy: TrainedPolicy, env: Any, params: Any) -> tuple[Any, Any]:
    """The world, made, and its params."""
    world = envs.make(env)
    seen, known = adapter.signature(world).obs, policy.agent.obs
    assert known is not None  # of agents that `agents.make` made
    if (seen.shape, seen.dtype) != (known.shape, known.dtype):
        raise InputError(
            f"observations of {show(str(env))} are {seen.dtype}{list(seen.shape)}, and the policy takes {known.dtype}"
            f"{list(known.shape)}; allowed: a world of the same observations as the one it was trained in"
        )
    if params is None or isinstance(params, dict):
        return world, adapter.set_params(envs.params(world, **(params or {})), {})
    return world, params


class Kept(NamedTuple):
    """Parameters of a rule under a condition. params: a pytree, each leaf [seeds, ...]. seeds: their numbers, int64[seeds]."""

    params: PyTree
    seeds: np.ndarray


def read(
    path: Any, experiment: Experiment, rule: str, condition: str | None = None, point: int = -1, first: bool = False
) -> tuple[Setting, Kept]:
    """The kept parameters at a point, of all seeds in order, or of the first one alone. Raises InputError where they are not
    kept.
    """
    condition = next(iter(experiment.conditions)) if condition is None else condition
    if rule not in experiment.rules:
        raise unknown("rule", rule, experiment.rules)
    if condition not in experiment.conditions:
        raise unknown("condition", condition, experiment.conditions)
    count = len(experiment.targets(rule))
    at = range(count)[coerce(point, int, "point", (-count, count - 1))]
    if at != count - 1 and experiment.policies != "points":
        raise InputError(
            f'point = {point}, and policies are kept at the end alone; allowed: -1, or a run with policies = "points"'
        )
    made, env = experiment.rules[rule], experiment.world()
    setting = experiment.setting(env, rule)
    rows: dict[int, tuple[parts.Part, int]] = {}
    for part in parts.scan(path, experiment, lambda _: None, f"{rule}--{condition}"):
        if part.policies and part.batch[:2] == (rule, condition):
            rows.update({seed: (part, row) for row, seed in enumerate(part.batch.seeds)})
    seeds = sorted(rows)[: 1 if first else None]
    if not seeds or (first and seeds != [0]):
        raise InputError(
            f"no trained policy of {rule} under {condition} is kept; allowed: a run that has trained its seed 0, with its parts"
        )

    def params(key):
        return made.deploy(setting.agent, made.init(setting.agent, key)).params

    wanted: list[Any]
    wanted, structure = jax.tree_util.tree_flatten_with_path(jax.eval_shape(params, jax.random.key(0)))
    leaves = {jax.tree_util.keystr(path): (leaf.shape, leaf.dtype) for path, leaf in wanted}
    for part, _ in rows.values():
        given = {name: (array.shape[2:], array.dtype) for name, array in part.policies.items()}
        if given != leaves:
            raise InputError(f"the policy that is kept of {rule} is of another form than the rule's: {show(given)}")

    def stacked(name):
        return np.stack(
            [
                part.policies[name][row][at if experiment.policies == "points" else -1]
                for part, row in (rows[seed] for seed in seeds)
            ]
        )

    return setting, Kept(jax.tree_util.tree_unflatten(structure, [stacked(name) for name in leaves]), np.array(seeds))


def kept(path: Any, experiment: Experiment, rule: str, condition: str | None, seed: int, point: int) -> TrainedPolicy:
    """One seed's policy. Raises InputError where it is not kept."""
    setting, found = read(path, experiment, rule, condition, point)
    at = np.flatnonzero(found.seeds == coerce(seed, int, "seed", (0, 2**31 - 1)))
    if not at.size:
        raise InputError(f"seed = {seed} of {rule} is not kept; allowed: {found.seeds[0]} to {found.seeds[-1]}")
    params = jax.tree.map(lambda x: jax.numpy.asarray(x[at[0]]), found.params)
    kind = experiment.kind(setting.env, rule)
    return TrainedPolicy(setting.agent, Policy(params, kind.act), kind.head)
