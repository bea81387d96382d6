"""A learned reward: any world whose reward is the word of a model, fitted to comparisons of episodes.

The comparisons are by true return, which is never paid. The model is one more proxy: it is right where it has seen enough, and
whoever optimises it finds where it is not (Gao, Schulman and Hilton 2023).
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab import envs
from rewardlab.envs import adapter, contract, preferences
from rewardlab.envs.base import share, size, within
from rewardlab.envs.gymnax_api import environment
from rewardlab.envs.wrapping import Wrapper, stay, true_reward
from rewardlab.inputs.errors import InputError, out_of_range, show, wrong_type
from rewardlab.inputs.fields import coerce
from rewardlab.types import Box, Trajectory

MOST_FEATURES = 1024  # each comparison has as many
FRESH = 64  # comparisons more, where a model is fitted anew


@struct.dataclass
class EnvState(environment.EnvState):
    """inner: the inner world's. seen: the inner observation that the next action answers. over, terminated: bool[], whether the
    episode has ended, and for good.
    """

    inner: Any
    seen: jax.Array
    over: jax.Array
    terminated: jax.Array


def make(
    world: Any = "lever",
    numbers: tuple[int, ...] = (16, 64, 256, 1024),
    noise: float = 0.0,
    members: int = 4,
    fresh: int = FRESH,
    refits: int = 0,
    seed: int = 0,
    **options: Any,
) -> "LearnedReward":
    """`world`, by name, path or Environment, made with `options`, whose reward may be learned from so many comparisons.

    noise: of the comparisons, in units of return (`preferences.preferred`). members: of each model's ensemble. fresh,
    refits: the model that pays is fitted anew at the start of each of so many phases, to as many comparisons more. seed: seeds draw
    their comparisons from pool `seed`. Raises InputError.
    """
    return LearnedReward(envs.make(world, **options), numbers, noise, members, fresh, refits, seed)


class LearnedReward(Wrapper):
    """Each seed has models of its own (`task`), fitted to comparisons of pairs of episodes of the inner world as it is by default,
    in which actions are drawn at random.

    A model is an ensemble, linear in the products of every entry of the observation with every action (`preferences.py`). Its word
    is in units of the spread of what it says of those episodes. The pairs of a smaller number are among those of a larger.

    Params beside the inner world's: compared, the number of comparisons of the model that pays, one of `numbers`, or 0, where the
    true reward is paid; shuffled, 1 for the model of the largest number whose comparisons went either way by chance; caution, how
    many of the ensemble's spreads are taken from its mean; models, the seed's. Signals besides: "displayed", what is paid, and
    "true", what the step was worth.
    """

    def __init__(
        self,
        inner: Any,
        numbers: tuple[int, ...],
        noise: float,
        members: int,
        fresh: int,
        refits: int,
        seed: int,
    ):
        if isinstance(adapter.actions(inner), Box):
            raise InputError(f"actions of {contract.name_of(inner)} are continuous; allowed: discrete ones")
        if not isinstance(numbers, (tuple, list)) or not numbers:
            raise wrong_type("numbers", numbers, "whole numbers of comparisons, from the smallest to the largest")
        self.numbers = tuple(size("a number of comparisons", n, 1, 2**16) for n in numbers)
        if sorted({*self.numbers}) != [*self.numbers]:
            raise InputError(f"numbers = {show(numbers)}; allowed: each larger than the one before")
        self.noise = coerce(noise, float, "noise", (0.0, 1e6))
        self.members, self._pool = size("members", members, 1, 64), size("seed", seed, 0, 2**31 - 1)
        self.fresh, self.refits = size("fresh", fresh, 1, 2**16), size("refits", refits, 0, 1000)
        more = {"compared": within(0, 0), "shuffled": share(), "caution": within(0.0, 0.0, 1e3)}
        more |= {"models": struct.field(default=None)}
        more |= {"margins": struct.field(default=None), "refitted": within(0, 0)} if self.refits else {}
        super().__init__(inner, more, 0)
        self.features = self._seen.size * inner.num_actions
        if self.features > MOST_FEATURES:
            raise InputError(
                f"{contract.name_of(inner)} has {self.features} products of what is seen and done; allowed: up to {MOST_FEATURES}"
            )
        blank = jnp.zeros((len(self.numbers) + 1, self.members, self.features), jnp.float32)
        self._params = self._params.replace(models=blank)  # nobody's: seeds have their own
        if self.refits:
            rows = self.numbers[-1] + self.refits * self.fresh
            self._params = self._params.replace(margins=jnp.zeros((rows, self.features), jnp.float32))

    def check_params(self, params) -> None:
        super().check_params(params)
        known = (0, *self.numbers)
        for number in np.unique(np.asarray(params.compared)).tolist():
            if number not in known:
                raise out_of_range("compared", number, ", ".join(map(str, known)))

    # Models

    def task(self, params, number: jax.Array):
        """The params with the models of the seed of that number, int32[]: those of `numbers` in order, then the shuffled one."""
        key = jax.random.fold_in(jax.random.key(self._pool), number)
        play_key, prefer_key, shuffle_key, fit_key = jax.random.split(key, 4)
        most = self.numbers[-1]
        features, true = self.played(play_key, self._params, 2 * most)
        apart = features[:most] - features[most:]
        first = preferences.preferred(prefer_key, true[:most] - true[most:], self.noise)
        margins = jnp.where(first[:, None], apart, -apart)
        blind = jnp.where(jax.random.bernoulli(shuffle_key, shape=(most,)), 1.0, -1.0)
        keys, told = jax.random.split(fit_key, len(self.numbers) + 1), (*self.numbers, most)
        counts = jnp.stack([preferences.redrawn(keys[i], most, n, self.members) for i, n in enumerate(told)])
        ways = jnp.ones((len(told), most)).at[-1].set(blind)
        every = (jnp.repeat(ways, self.members, 0), counts.reshape(-1, most))
        fitted = jax.lax.map(lambda one: preferences.fit(margins * one[0][:, None], one[1]), every)
        models = self.scaled(fitted.reshape(len(told), self.members, self.features), margins)
        kept = {"margins": jnp.pad(margins, ((0, self.refits * self.fresh), (0, 0)))} if self.refits else {}
        return params.replace(models=models, **kept)

    def scaled(self, models: jax.Array, margins: jax.Array) -> jax.Array:
        """Ensembles float32[..., members, F] in units of the spread of what they say of the episodes that `margins` lie between."""
        spread = jnp.sqrt(((models.mean(-2) @ margins.T) ** 2).mean(-1) / 2)
        return models / jnp.maximum(spread, 1e-6)[..., None, None]

    def _revised(self, params, seen: Trajectory, key: jax.Array) -> dict[str, jax.Array]:
        """The model that pays, fitted anew: to the comparisons that it had, and to fresh ones of pairs of these episodes."""
        pair_key, other_key, prefer_key, fit_key = jax.random.split(key, 4)
        lived, most = seen.mask.astype(jnp.float32), self.numbers[-1]
        done = jax.nn.one_hot(seen.action, self.num_actions) * lived[..., None]
        features = jnp.einsum("tna,tno->nao", done, seen.obs.astype(jnp.float32)).reshape(-1, self.features)
        true = (lived * true_reward(seen.signals)).sum(0)
        one = jax.random.randint(pair_key, (self.fresh,), 0, len(true))
        other = (one + jax.random.randint(other_key, (self.fresh,), 1, len(true))) % len(true)
        apart = features[one] - features[other]
        first = preferences.preferred(prefer_key, true[one] - true[other], self.noise)
        begin = most + params.refitted * self.fresh
        new = jnp.where(first[:, None], apart, -apart)
        margins = jax.lax.dynamic_update_slice(params.margins, new, (begin, jnp.zeros_like(begin)))
        row = jnp.arange(len(margins))
        known = (row < params.compared) | ((row >= most) & (row < begin + self.fresh))
        place = jnp.argsort(jnp.argsort(~known, stable=True))
        counts = preferences.redrawn(fit_key, len(row), known.sum(), self.members)[:, place]
        fitted = jax.lax.map(lambda counts: preferences.fit(margins, counts), counts)
        models = params.models.at[self.which(params)].set(self.scaled(fitted, margins[:most]))
        return {"models": models, "margins": margins, "refitted": params.refitted + 1}

    def __getattr__(self, name: str):
        return self._revised if name == "revised" and self.refits else super().__getattr__(name)

    def played(self, key: jax.Array, params, episodes: int) -> tuple[jax.Array, jax.Array]:
        """(features float32[episodes, F], true returns float32[episodes]) of episodes with random actions. Consumes the key."""

        def one(key):
            start_key, steps_key = jax.random.split(key)
            obs, state = adapter.reset(self.inner, start_key, params)

            def step(now, time):
                (obs, state, over), total = now
                action_key, step_key = jax.random.split(jax.random.fold_in(steps_key, time))
                action = jax.random.randint(action_key, (), 0, self.num_actions)
                out = adapter.step(self.inner, step_key, state, action, params)
                found = (self.features_of(obs, action), true_reward(out.signals))
                total = jax.tree.map(lambda sum, x: sum + jnp.where(over, 0.0, x), total, found)
                after = stay(over, (obs, state), (out.obs, out.state))
                return ((*after, over | out.terminated | out.truncated), total), None

            begun = (obs, state, jnp.zeros((), bool)), (jnp.zeros(self.features), jnp.zeros(()))
            return jax.lax.scan(step, begun, jnp.arange(adapter.time_limit(self.inner)))[0][1]

        return jax.vmap(one)(jax.random.split(key, episodes))

    def features_of(self, obs: jax.Array, action: jax.Array) -> jax.Array:
        """What a step adds to the features of its episode, float32[F]: the inner observation in the row of the action."""
        done = jax.nn.one_hot(action, self.num_actions)
        return (done[:, None] * jnp.ravel(obs).astype(jnp.float32)).ravel()

    def which(self, params) -> jax.Array:
        """The number of the model that pays, int32[]."""
        own = jnp.argmax(jnp.asarray(self.numbers) == params.compared).astype(jnp.int32)
        return jnp.where(params.shuffled > 0, len(self.numbers), own)

    def word(self, params, obs: jax.Array, action: jax.Array) -> jax.Array:
        """What a step is paid by the model, float32[]."""
        # Of every action, so that all lanes go through one product of matrices.
        said = params.models[self.which(params)].reshape(-1, self._seen.size) @ jnp.ravel(obs).astype(jnp.float32)
        mine = said.reshape(self.members, -1) @ jax.nn.one_hot(action, self.num_actions)
        return preferences.worth(mine, params.caution)

    # Episodes

    def reset_env(self, key: jax.Array, params):
        """(observation, state). Consumes the key."""
        obs, inner = adapter.reset(self.inner, key, params)
        no = jnp.zeros((), bool)
        return self.join(obs), EnvState(jnp.zeros((), jnp.int32), inner, obs, no, no)

    def step_env(self, key: jax.Array, state: EnvState, action, params):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Consumes the key."""
        out = adapter.step(self.inner, key, state.inner, action, params)
        over, true = state.over, true_reward(out.signals)
        paid = jnp.where(params.compared == 0, true, self.word(params, state.seen, action))
        paid, true = (jnp.where(over, 0.0, x) for x in (paid, true))
        inner, seen = stay(over, (state.inner, state.seen), (out.state, out.obs))
        after = EnvState(
            time=state.time + 1,
            inner=inner,
            seen=seen,
            over=over | out.terminated | out.truncated,
            terminated=jnp.where(over, state.terminated, out.terminated),
        )
        signals = {name: value for name, value in out.signals.items() if name != "reward"}
        return self.join(seen), after, paid, after.terminated, signals | {"displayed": paid, "true": true}

    def is_truncated(self, state: EnvState, params):
        return self.inner.is_truncated(state.inner, params)

    def _from(self, state: EnvState):
        return state.inner

    _led_to = _from

    def _more_observation(self, state: EnvState, params) -> jax.Array:
        return self.join(self.inner.observation(state.inner, params))

    def _more_references(self, params) -> dict:
        """The inner world's, but for what is optimal by a reward that is not paid here."""
        return {name: policy for name, policy in super()._more_references(params).items() if name != "optimal"}

    def _more_render_rgb(self, state: EnvState, params) -> jax.Array:
        return self.inner.render_rgb(state.inner, params)
