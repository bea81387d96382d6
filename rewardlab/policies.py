"""Trained policies: handed over after training or read back from a run, then played in any world of the same observations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import envs, rules, training
from rewardlab.agents import MLP
from rewardlab.backend.randomness import check_one
from rewardlab.envs import adapter, contract
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError, show, unknown
from rewardlab.inputs.fields import coerce
from rewardlab.probes.outcomes import counted, named, played
from rewardlab.rundir import parts
from rewardlab.types import Agent, Box, Policy, PyTree, Trajectory


class TrainedPolicy(NamedTuple):
    """A policy with the agent that it runs through.

    agent, policy: as of `types.py`; policy.params are of one seed. head: the output of the network that actions are drawn from
    where there is a temperature. actions: how many there are, or the Box of continuous ones.
    """

    agent: Agent
    policy: Policy
    head: str
    actions: int | Box

    @property
    def params(self) -> PyTree:
        """What it acts by: a pytree of float32 arrays."""
        return self.policy.params

    def of(self, params: PyTree) -> TrainedPolicy:
        """The same with other parameters, such as those of another seed: `jax.vmap(lambda p: evaluate(policy.of(p), ...))`."""
        return self._replace(policy=self.policy._replace(params=params))

    def by(self, way: str) -> TrainedPolicy:
        """The same parameters deployed in another way, one of `policy.ways`. Raises InputError for other names."""
        if way not in self.policy.ways:
            raise unknown("way", way, self.policy.ways, "ways in which this policy may act")
        return self._replace(policy=self.policy._replace(act=self.policy.ways[way]))

    def start(self, lanes: int = 1) -> PyTree:
        """The memory of so many lanes whose episodes begin; () of an agent without one. Raises InputError."""
        return self.agent.start(self.params, coerce(lanes, int, "lanes", (1, 2**31 - 1)))

    def act(self, obs: jax.Array, key: jax.Array, memory: PyTree = None) -> tuple[jax.Array, PyTree]:
        """What it does, for observations [N, ...]: (actions int32[N] or float32[N, D], the memory after them). Consumes the key.

        memory: that before, [N, ...]; None where episodes begin. Raises InputError for other shapes.
        """
        check_one(key)
        known, shape = self.agent.obs, np.shape(obs)
        assert known is not None  # of agents that `agents.make` made
        if shape[1:] != known.shape or len(shape) != 1 + len(known.shape):
            raise InputError(
                f"obs is of shape {list(shape)}; allowed: [N, {', '.join(map(str, known.shape))}], N lanes"
            )
        memory = self.start(shape[0]) if memory is None else memory
        begun = jax.eval_shape(lambda params: self.agent.start(params, shape[0]), self.params)  # computes nothing
        if jax.tree.map(np.shape, memory) != jax.tree.map(np.shape, begun):
            given, needed = (show(jax.tree.map(np.shape, x)) for x in (memory, begun))
            raise InputError(f"memory is of shapes {given}; allowed: {needed}, as `start` and `act` give it")
        action, _, memory = self.policy.act(self.agent, self.params, memory, jnp.asarray(obs), key)
        return action, memory


def deploy(
    rule: Any, env: Any, state: PyTree, *, spec: Any = MLP(), main: dict[str, Any] | None = None
) -> TrainedPolicy:
    """The policy that a rule hands over, from the state that training left: `deploy("ppo", env, train(...).state)`.

    rule, env: a rule and a world, or their names or paths. state: of one seed. spec: the network that was trained.
    main: the fields of the world's params in training that were not their defaults, by which inputs were standardised.
    Raises InputError, also for a state that is not of this rule with this network.
    """
    made, world = rules.make(rule), envs.make(env)
    envs.params(world, "main", **(main or {}))
    s = training.setting(world, made, spec, main=main)
    like = jax.eval_shape(lambda key: made.init(s.agent, key), jax.random.key(0))
    forms = [
        [(str(p), np.shape(x), jnp.result_type(x)) for p, x in jax.tree_util.tree_leaves_with_path(y)]
        for y in (like, state)
    ]
    if forms[0] != forms[1]:
        raise InputError(
            f"state is not what {rules.name_of(type(made)) or type(made).__name__} carries with this network; allowed: the `state` "
            "of a carry, of one seed, and the same rule, world and spec as in training"
        )
    return TrainedPolicy(
        _outside(s.agent, world),
        made.deploy(s.agent, state),
        next(iter(rules.heads(made, world))),
        adapter.actions(world),
    )


def rollout(
    policy: TrainedPolicy, env: Any, key: jax.Array, *, params: Any = None, episodes: int = 1, temperature: Any = None
) -> Trajectory:
    """Whole episodes of a policy, Trajectory [T, episodes, ...], one a lane, T the time limit; only what `mask` says was lived.

    env: a world, its name or path. params: its params, {field: number}, or None for its defaults. temperature: float32[], at
    which actions are drawn; None: the policy acts as it does when it is evaluated, greedily. The same key gives every policy the
    same levels. Pure, to `jit` and `vmap`, over numbers in params and temperature, too. Consumes the key. Raises InputError.
    """
    world, there = _place(policy, env, params)
    check_one(key)
    episodes = coerce(episodes, int, "episodes", (1, 10**6))
    if temperature is not None:
        if isinstance(policy.actions, Box):
            raise InputError("temperature is of discrete actions, and this policy's are continuous; allowed: None")
        if not isinstance(temperature, jax.core.Tracer):
            temperature = jnp.float32(coerce(temperature, float, "temperature", (0.0, 1e6)))
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
    found = named(counted(world, seen))
    share = dict(zip(adapter.outcomes(world), found.pop("outcome_share"), strict=True))
    return {**found, "outcome_share": share}


def _outside(agent: Agent, world: Any) -> Agent:
    """An agent as it is outside of training: for the world's own observations, however a device packs them."""
    return agent._replace(obs=adapter.signature(world).obs)


def _place(policy: TrainedPolicy, env: Any, params: Any) -> tuple[Any, Any]:
    """The world, made, and its params."""
    if not isinstance(policy, TrainedPolicy):
        raise InputError(f"policy = {show(policy)}; allowed: what `run.policy` or `rewardlab.deploy` gives")
    world = envs.make(env)
    seen, known, actions = adapter.signature(world).obs, policy.agent.obs, adapter.actions(world)
    assert known is not None  # of agents that `agents.make` made
    told = [f"{x.dtype}{list(x.shape)} and {show(a)} actions" for x, a in ((seen, actions), (known, policy.actions))]
    if told[0] != told[1]:
        raise InputError(
            f"world {contract.name_of(world)} has observations {told[0]}, and the policy takes {told[1]}; allowed: a world with "
            "the same as the one that it was trained in"
        )
    return world, training.params_of(world, params)


def read(
    path: Any,
    plan: Plan,
    rule: str,
    condition: str | None = None,
    point: int = -1,
    seeds: Sequence[int] | None = None,
    known: Sequence[parts.Part] = (),
) -> PyTree:
    """The parameters that a rule had at a point, each leaf [seeds, ...], of all seeds in order, or of these.

    known: parts that have been read already. Raises InputError where one of them is not kept, or is damaged.
    """
    experiment = plan.experiment
    rule = coerce(rule, str, "rule")
    condition = next(iter(experiment.conditions)) if condition is None else coerce(condition, str, "condition")
    if rule not in experiment.rules:
        raise unknown("rule", rule, experiment.rules)
    if condition not in experiment.conditions:
        raise unknown("condition", condition, experiment.conditions)
    count, runs = len(experiment.targets(rule)), experiment.seeds_of(rule, condition)
    at = range(count)[coerce(point, int, "point", (-count, count - 1))]
    every = experiment.policies == "points"
    if at != count - 1 and not every:
        raise InputError(
            f'point = {point}, and policies are kept at the end alone; allowed: -1, or a run with policies = "points"'
        )
    asked = range(runs) if seeds is None else [coerce(seed, int, "seed", (0, runs - 1)) for seed in seeds]
    damaged: list[str] = []
    rows: dict[int, tuple[parts.Part, int]] = {}
    for part in _with_policies(path, plan, rule, condition, known, damaged.append):
        rows.update({seed: (part, row) for row, seed in enumerate(part.batch.seeds)})
    lacking = [seed for seed in asked if seed not in rows]
    if lacking:
        shown = ", ".join(map(str, lacking[:8])) + ", ..." * (len(lacking) > 8)
        why = f" ({'; '.join(damaged)})" if damaged else ""
        raise InputError(
            f"policies of {rule} under {condition} are not kept of seeds {shown}{why}; allowed: those of {len(rows)} others, or "
            "the same run again"
        )
    made, setting = experiment.rules[rule], plan.setting(rule)

    def params(key: jax.Array) -> Any:
        return made.deploy(setting.agent, made.init(setting.agent, key)).params

    wanted: list[Any]
    wanted, structure = jax.tree_util.tree_flatten_with_path(jax.eval_shape(params, jax.random.key(0)))
    leaves = {jax.tree_util.keystr(path): (leaf.shape, leaf.dtype) for path, leaf in wanted}
    chosen = [rows[seed] for seed in asked]
    for part in {id(part): part for part, _ in chosen}.values():
        given = {name: (array.shape[2:], array.dtype) for name, array in part.policies.items()}
        if given != leaves:
            raise InputError(f"the policy that is kept of {rule} is of another form than the rule's: {show(given)}")

    def stacked(name: str) -> np.ndarray:
        return np.stack([part.policies[name][row, at if every else -1] for part, row in chosen])

    return jax.tree_util.tree_unflatten(structure, [stacked(name) for name in leaves])


def _with_policies(
    path: Any, plan: Plan, rule: str, condition: str, known: Sequence[parts.Part], note: Callable[[str], None]
) -> list[parts.Part]:
    """The parts that have policies; those whose policies are in memory no more are read again."""
    found = parts.scan(path, plan, note, f"{rule}--{condition}", [part for part in known if part.policies])
    return [part for part in found if part.policies and part.batch[:2] == (rule, condition)]


def first(path: Any, plan: Plan, rule: str, most: int, known: Sequence[parts.Part] = ()) -> int:
    """Of how many of a rule's first seeds under the main condition policies are kept, one after another; `most` at most."""
    found = _with_policies(path, plan, rule, next(iter(plan.experiment.conditions)), known, lambda _: None)
    there = {seed for part in found for seed in part.batch.seeds}
    return next((seed for seed in range(most) if seed not in there), most)


def kept(
    path: Any,
    plan: Plan,
    rule: str,
    condition: str | None = None,
    seed: int = 0,
    point: int = -1,
    known: Sequence[parts.Part] = (),
) -> TrainedPolicy:
    """One seed's policy. Arguments as of `read`. Raises InputError where it is not kept."""
    found = jax.tree.map(lambda x: x[0], read(path, plan, rule, condition, point, [seed], known))
    kind, actions = plan.kind(rule), adapter.actions(plan.env)
    return TrainedPolicy(_outside(plan.setting(rule).agent, plan.env), kind.policy(found), kind.head, actions)
