"""Gumbel MuZero (Schrittwieser et al. 2020; Danihelka et al. 2022), level 5: it plans in a model that predicts what is paid."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct

from rewardlab.agents.select import chosen, greedily
from rewardlab.inputs.errors import InputError, show, unknown
from rewardlab.inputs.fields import at_most
from rewardlab.rules import optimisers
from rewardlab.rules.imagination import REWARD, deliberate, look, planning, value_head
from rewardlab.rules.losses import flat, gradient_step
from rewardlab.rules.returns import lambda_returns
from rewardlab.types import Policy, Rule

MOST = 10_000  # simulations: mctx lists all of them before it begins


class Lesson(NamedTuple):
    """What is learned from, [T, N, ...] or with an axis of updates before these.

    weights: float32[..., A], what the search made of the prior. paid, worth: {reward predicted: float32[...]}, what the step paid,
    and the return from it on. ends, done: bool[...], for good, or by the clock, too.
    """

    obs: jax.Array
    action: jax.Array
    weights: jax.Array
    paid: dict[str, jax.Array]
    worth: dict[str, jax.Array]
    ends: jax.Array
    done: jax.Array


class State(NamedTuple):
    """buffer: the lessons of the last R updates, leaves [R, T, N, ...]."""

    params: Any
    opt_state: Any
    buffer: Lesson
    updates: jax.Array


@struct.dataclass
class MuZero(Rule):
    """Learns a model from sequences out of a replay buffer, and acts on what a search in it finds.

    The model is unrolled for `depth` steps from every step of a sequence. At each of them the policy head learns what the search
    said there, and, for each reward, its value head a λ-return and its reward head what was paid; `ends` learns whether the episode
    ended. Rewards are `reward`, what trains, and the signals that the rule is `told`. All are predicted alike; the search goes by
    the one that the rule `consults`. Values and returns are not rescaled to learn them. A search stretches them to [0, 1] in
    each state, as mctx does by default, unless there is a `value_scale` (`tree_search.search`): where rewards are sparse, what
    values differ by may be mostly noise at first, which stretching makes loud (one seed in a maze learned better with a scale).

    In a share `wild` of the lanes any action is taken, elsewhere with probability `epsilon`: the model then knows what the plan
    does not lead to. Each update adds its sequences in place of the oldest of `rows` updates and takes `gradient_steps` steps
    on `batch` sequences each. A truncated step bootstraps from the observation that it led to.

    Ways to deploy: `habit`, the policy head alone; and by each reward NAME `search_NAME`; `long_NAME`, with `long` simulations;
    `bare_NAME`, that without the habit: any action is as likely before the search.
    """

    title = "Gumbel MuZero"
    level = 5
    whole = False
    imagines = True

    learning_rate: float = struct.field(default=2e-3, metadata={"range": (0.0, 1.0), "search": (1e-4, 1e-2, "log")})
    gae_lambda: float = struct.field(default=0.9, metadata={"range": (0.0, 1.0), "search": (0.5, 1.0, "linear")})
    epsilon: float = struct.field(default=0.1, metadata={"range": (0.0, 1.0), "search": (0.01, 0.5, "log")})
    wild: float = struct.field(default=0.0, metadata={"range": (0.0, 1.0)})
    value_weight: float = struct.field(default=0.25, metadata={"range": (0.0, 1e3)})
    ends_weight: float = struct.field(default=0.5, metadata={"range": (0.0, 1e3)})
    max_grad_norm: float = struct.field(default=5.0, metadata={"range": (0.0, 1e6)})
    optimiser: Any = optimisers.field()
    gamma: float = struct.field(
        default=0.9, pytree_node=False, metadata={"range": (0.0, 1.0)}
    )  # deployed, so no tracer, and neither is value_scale
    value_scale: float = struct.field(default=0.0, pytree_node=False, metadata={"range": (0.0, 1e3), "added": True})
    num_envs: int = struct.field(default=32, pytree_node=False)
    unroll_length: int = struct.field(default=16, pytree_node=False)
    depth: int = struct.field(default=4, pytree_node=False)
    simulations: int = struct.field(default=8, pytree_node=False, metadata={"range": (1, MOST)})
    long: int = struct.field(default=32, pytree_node=False, metadata={"range": (1, MOST)})
    rows: int = struct.field(default=32, pytree_node=False)
    batch: int = struct.field(default=32, pytree_node=False)
    gradient_steps: int = struct.field(default=8, pytree_node=False)
    told: tuple[str, ...] = struct.field(default=(), pytree_node=False)
    consults: str = struct.field(default=REWARD, pytree_node=False)

    def check(self) -> None:
        at_most("depth", self.depth, "unroll_length", self.unroll_length)
        if REWARD in self.told or len({*self.told}) < len(self.told):
            raise InputError(f"told = {show(self.told)}; allowed: different signals of the world beside {REWARD!r}")
        if self.consults not in self.predicted:
            raise unknown("reward that muzero consults", self.consults, self.predicted, "told names further ones")

    @property
    def predicted(self) -> tuple[str, ...]:
        """The rewards that the model predicts."""
        return (REWARD, *self.told)

    def heads(self, num_actions):
        own = {name: num_actions for name in self.predicted} | {value_head(name): 1 for name in self.predicted}
        return {"logits": num_actions, "ends": num_actions, **own}

    def init(self, agent, key):
        params = agent.init(key)
        opt_state = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm).init(params)
        zeros = lambda dtype, *own: jnp.zeros((self.rows, self.unroll_length, self.num_envs, *own), dtype)  # noqa: E731
        actions = jax.eval_shape(agent.apply, params, jax.ShapeDtypeStruct((1, *agent.obs.shape), agent.obs.dtype))
        number, flag = {name: zeros(jnp.float32) for name in self.predicted}, zeros(bool)
        weights = zeros(jnp.float32, actions["logits"].shape[-1])
        nothing = Lesson(
            zeros(agent.obs.dtype, *agent.obs.shape), zeros(jnp.int32), weights, number, number, flag, flag
        )
        return State(params, opt_state, nothing, jnp.int32(0))

    def behave(self, agent, state, key):
        def settled(plan, key):
            explore_key, action_key = jax.random.split(key)
            lanes, actions = plan.weights.shape
            before = jnp.floor(jnp.arange(lanes + 1, dtype=jnp.float32) * self.wild)
            rate = jnp.where(before[1:] > before[:-1], 1.0, self.epsilon)  # wild lanes lie evenly among the others
            explore = jax.random.uniform(explore_key, (lanes,)) < rate
            anything = jax.random.randint(action_key, (lanes,), 0, actions)
            return jnp.where(explore, anything, plan.action), {"weights": plan.weights}

        by_what = {"consults": self.consults, "gamma": self.gamma, "simulations": self.simulations}
        by_what["value_scale"] = self.value_scale
        return Policy(state.params, planning(settled, **by_what, habit=True, noise=1.0))

    def lesson(self, agent, params, experience):
        """What an update's experience, [T, N, ...], has to teach."""
        shape, (after, _) = experience.reward.shape, look(agent, params, flat(experience.next_obs))
        paid = {REWARD: experience.reward, **experience.told}
        worth = {
            name: lambda_returns(
                paid[name],
                after[value_head(name)].reshape(shape),
                experience.terminated,
                experience.done,
                self.gamma,
                self.gae_lambda,
            )
            for name in self.predicted
        }
        weights = experience.extras["weights"]
        return Lesson(experience.obs, experience.action, weights, paid, worth, experience.terminated, experience.done)

    def update(self, agent, state, experience, key):
        row, new = state.updates % self.rows, self.lesson(agent, state.params, experience)
        # A slice is written into the carried buffer itself, as in `dqn`.
        put = lambda x, new: jax.lax.dynamic_update_index_in_dim(x, new, row, 0)  # noqa: E731
        buffer, updates = jax.tree.map(put, state.buffer, new), state.updates + 1
        index = jax.random.randint(
            key, (self.gradient_steps, self.batch), 0, jnp.minimum(updates, self.rows) * self.num_envs
        )
        optimiser = optimisers.make(self.optimiser, self.learning_rate, self.max_grad_norm)

        def one(carry, index):
            drawn = jax.tree.map(
                lambda x: x[index // self.num_envs, :, index % self.num_envs], buffer
            )  # [batch, T, ...]
            drawn = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), drawn)
            params, opt_state = carry
            params, opt_state, loss = gradient_step(lambda p: self.loss(agent, p, drawn), params, opt_state, optimiser)
            return (params, opt_state), loss

        (params, opt_state), losses = jax.lax.scan(one, (state.params, state.opt_state), index)
        return State(params, opt_state, buffer, updates), {"loss": losses.mean()}

    def loss(self, agent, params, told: Lesson) -> jax.Array:
        """Mean over starts, and over the steps that follow within an episode, of what the model got wrong: float32[].

        The gradient is halved at every step of imagination, as in MuZero.
        """
        starts = self.unroll_length - self.depth + 1
        latent = agent.model.represent(params, flat(told.obs[:starts]))
        alive, total = jnp.ones(latent.shape[0]), jnp.float32(0)
        for k in range(self.depth):
            now: Lesson = flat(jax.tree.map(lambda x, k=k: x[k : k + starts], told))
            outputs, wrong = agent.model.predict(params, latent), jnp.zeros_like(alive)
            wrong -= (now.weights * jax.nn.log_softmax(outputs["logits"])).sum(-1)
            for name in self.predicted:
                wrong += (chosen(outputs[name], now.action) - now.paid[name]) ** 2
                wrong += self.value_weight * (outputs[value_head(name)][:, 0] - now.worth[name]) ** 2
            ends = chosen(outputs["ends"], now.action)
            wrong += self.ends_weight * (jax.nn.softplus(ends) - jnp.where(now.ends, ends, 0.0))  # cross-entropy
            total += (alive * wrong).mean()
            alive = jnp.where(now.done, 0.0, alive)
            latent = agent.model.advance(params, latent, now.action)
            latent = 0.5 * latent + 0.5 * jax.lax.stop_gradient(latent)
        return total / self.depth

    def deploy(self, agent, state):
        ways = {"habit": greedily("logits")}
        for name in self.predicted:
            ways[f"search_{name}"] = deliberate(name, self.gamma, self.simulations, value_scale=self.value_scale)
            ways[f"long_{name}"] = deliberate(name, self.gamma, self.long, value_scale=self.value_scale)
            ways[f"bare_{name}"] = deliberate(name, self.gamma, self.long, habit=False, value_scale=self.value_scale)
        return Policy(state.params, ways[f"search_{self.consults}"], ways)


rule = MuZero
