"""An agent that is itself a learner: within its lifetime an update rule changes its parameters, by the reward that it is shown.

So there are two loops: the inner rule learns within a lifetime, the outer one decides which inner learners there are. A learner
whose network is a learner makes three.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from rewardlab import agents, rules
from rewardlab.agents.mlp import MLP
from rewardlab.agents.spec import Spec
from rewardlab.collect import if_any, where
from rewardlab.inputs.errors import InputError, calling, show
from rewardlab.inputs.fields import checked, coerce
from rewardlab.types import Agent, Experience, Rule

TABLE = MLP(hidden=(), bias=False, head_scale=0.0)  # a table, where one entry of an observation is lit at a time
USUAL = {"num_envs": 1, "unroll_length": 1, "gamma": 0.0}


class Memory(NamedTuple):
    """What N inner learners stand at; all leaves have a leading axis [N].

    state: the inner rule's. inner: what the inner network remembers, () if it has no memory. before: that, where the steps that
    were kept begin. obs: what was observed last. kept: Experience [N, T, 1, ...], of which `filled` int32 are steps.
    time: int32, steps so far.
    """

    state: Any
    inner: Any
    before: Any
    obs: jax.Array
    kept: Experience
    filled: jax.Array
    time: jax.Array


@dataclass(frozen=True)
class Learner(Spec):
    """A network that an inner rule trains while the agent lives, in a world that shows the last reward (`reward_in_view`).

    What the outer rule changes are the parameters that each lifetime begins with, and the inner rule's hyperparameters in `moved`,
    each times the exponential of a number that starts at 0, within its range. The inner rule is told one step after another, and
    updates after each `unroll_length` of them, whether an episode ended or not; the end of an episode counts as a termination.
    The action is the outer rule's choice by the inner network's first head, times the exponential of a number, "sharpness".
    The inner rule draws by the step alone: two lifetimes that see the same learn the same. Outer rules need no head beside that
    of the action: populations, and REINFORCE without a baseline.

    rule: the inner rule, a name or a Rule, with `num_envs` 1 and without candidates; by name, it learns after each step, and
        for that step alone (`unroll_length` 1, gamma 0).
    network: what it trains, whatever `agents.spec` takes; a table by default. One with a memory, another learner say, is shown all
        of the observation, reward included, and its memory starts anew with each episode of the lifetime; one without is shown
        what the world within shows.
    moved: names of the inner rule's float hyperparameters.
    """

    perceives: ClassVar[bool] = True

    rule: Any = "q_learning"
    network: Any = TABLE
    moved: tuple[str, ...] = ("learning_rate",)

    def __post_init__(self) -> None:
        given = self.rule if isinstance(self.rule, Rule) else rules.load(coerce(self.rule, str, "rule"))
        known = [f.name for f in fields(given)] if is_dataclass(given) else []
        usual = {} if isinstance(given, Rule) else {name: value for name, value in USUAL.items() if name in known}
        made = rules.make(given, **usual)
        if made.candidates or made.num_envs != 1:
            raise InputError(
                f"rule = {rules.name_of(type(made))} has num_envs = {made.num_envs} and {made.candidates} candidates; allowed: an "
                "inner rule of num_envs = 1, without candidates: it has one life at a time"
            )
        if made.told or made.asks or made.imagines or made.shown:
            raise InputError(
                f"rule = {rules.name_of(type(made))} needs more than the reward that is shown: other signals, a return that is "
                "asked for, a model, or a demonstrator; allowed: an inner rule that does not"
            )
        for name in coerce(self.moved, tuple[str, ...], "moved"):
            if name not in known or not isinstance(getattr(made, name), float):
                floats = [key for key in known if isinstance(getattr(made, key), float)]
                raise InputError(
                    f"moved has {show(name)}; allowed: of {rules.name_of(type(made))}, {', '.join(floats)}"
                )
        object.__setattr__(self, "rule", made)
        network = checked(agents.spec(self.network), "network")
        if network.inputs != "raw" or network.gains:
            raise InputError("network.inputs and network.gains of a learner; allowed: raw inputs, without gains")
        object.__setattr__(self, "network", network)

    @property
    def loops(self) -> int:
        """How many loops learn with this agent, the outer one included."""
        return 1 + self.network.loops

    def build(self, obs, heads, prepare):
        (head, actions), *others = heads
        size = obs.size - actions - 2 if isinstance(actions, int) else 0
        if others or size < 1 or self.inputs != "raw":
            raise InputError(
                "a learner needs a rule with one head, of discrete actions, and a world that shows the last reward and action; "
                "allowed: populations or REINFORCE without a baseline, in reward_in_view, with raw inputs"
            )
        seen = jax.ShapeDtypeStruct(obs.shape if self.network.loops > 1 else (size,), jnp.float32)
        inner_heads = self.rule.heads(actions)
        network = agents.make(self.network, seen, inner_heads)
        rules.check_memory(self.rule, network, "rule")
        return _agent(self, network, next(iter(inner_heads)), head, size, seen, obs)


def _agent(spec: Learner, network: Agent, says: str, head: str, size: int, seen: Any, obs: Any) -> Agent:
    """The agent. says: the inner head that decides; head: the outer one. size: entries of what the inner world shows."""
    length = spec.rule.unroll_length

    def read(obs):
        """(what the network is shown, the last reward, the last action, whether there was one, whether it ended an episode).

        Where an episode begins, an inner network that perceives reward begins anew, and knows nothing of the last one.
        """
        did, ended = obs[size + 1 : -1], obs[-1] > 0.5
        shown = jnp.where(ended & (jnp.arange(obs.size) >= size), 0.0, obs)[: seen.shape[0]]
        return shown, obs[size], jnp.argmax(did).astype(jnp.int32), did.sum() > 0.5, ended

    def rule(params) -> Rule:
        """The inner rule with the hyperparameters that these parameters stand for."""
        made = {}
        for name in spec.moved:
            low, high = spec.rule.__dataclass_fields__[name].metadata.get("range", (-jnp.inf, jnp.inf))
            made[name] = jnp.clip(getattr(spec.rule, name) * jnp.exp(params["moved"][name]), low, high)
        return replace(spec.rule, **made)

    def beginning(params) -> Agent:
        return network._replace(init=lambda key: params["initial"])

    def init(key):
        zero = jnp.zeros((), jnp.float32)
        return {"initial": network.init(key), "moved": dict.fromkeys(spec.moved, zero), "sharpness": zero}

    def blank(params) -> Memory:
        state = rule(params).init(beginning(params), jax.random.key(0))
        policy = rule(params).behave(beginning(params), state, jax.random.key(0))
        inner = network.start(policy.params, 1)
        none = lambda *shape, dtype=jnp.float32: jnp.zeros((length, 1, *shape), dtype)  # noqa: E731
        flags = (none(dtype=jnp.bool_),) * 3
        kept = Experience(none(*seen.shape), none(dtype=jnp.int32), none(*seen.shape), none(), *flags, {}, ())
        zero = jnp.zeros((), jnp.int32)
        return Memory(state, inner, inner, jnp.zeros(seen.shape, jnp.float32), kept, zero, zero)

    def start(params, lanes):
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (lanes, *x.shape)), blank(params))

    def kept_with(memory: Memory, now) -> Memory:
        """The memory with the step that led to what is observed now, if there was one."""
        after, reward, action, acted, ended = now
        told = Experience(memory.obs, action, after, reward, ended, jnp.zeros((), bool), acted, {}, ())
        kept = jax.tree.map(lambda kept, x: kept.at[memory.filled, 0].set(x.astype(kept.dtype)), memory.kept, told)
        return memory._replace(kept=kept, filled=memory.filled + acted.astype(jnp.int32), time=memory.time + 1)

    def learned(params, memory: Memory):
        """The inner rule's state after the steps kept."""
        key = jax.random.fold_in(jax.random.key(0), memory.time)
        told = memory.kept._replace(memory=jax.tree.map(lambda x: x[None], memory.before))
        return rule(params).update(beginning(params), memory.state, told, key)[0]

    def lived(params, memory: Memory, obs):
        """(preferences float32[A], memory) of one lane."""
        now = read(obs)
        # What a life begins with is worked out here again, so that a gradient reaches the parameters that it comes from.
        memory = kept_with(where(memory.time == 0, blank(params), memory), now)
        full = memory.filled >= length
        memory = memory._replace(
            state=if_any(full, lambda old: where(full, learned(params, memory), old), memory.state),
            filled=jnp.where(full, 0, memory.filled),
        )
        policy = rule(params).behave(beginning(params), memory.state, jax.random.key(0))
        inner = where(now[-1], network.start(policy.params, 1), memory.inner)
        before = where(memory.filled == 0, inner, memory.before)
        outputs, inner = network.step(policy.params, inner, now[0][None])
        preferences = outputs[says][0] * jnp.exp(params["sharpness"])
        return preferences, memory._replace(inner=inner, before=before, obs=now[0])

    def step(params, memory, obs):
        preferences, memory = jax.vmap(lambda memory, obs: lived(params, memory, obs))(memory, obs)
        return {head: preferences}, memory

    with calling(f"rule {rules.name_of(type(spec.rule))} inside a learner"):
        jax.eval_shape(lambda key: step(init(key), start(init(key), 1), jnp.zeros((1, *obs.shape))), jax.random.key(0))
    return agents.recurrent(init, start, step, obs)


spec = Learner
