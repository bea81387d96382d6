"""Wrappers: a world around another world, with more in view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab.backend.randomness import key_for
from rewardlab.envs import adapter, contract
from rewardlab.envs.base import DiscreteWorld
from rewardlab.envs.gymnax_api import spaces
from rewardlab.envs.world import offers


class Wrapper(DiscreteWorld):
    """A world whose params are the inner world's and some more, and whose observations are flat: the inner's, then more.

    `observation`, `goals`, `references`, `optimum` and `render_rgb` are offered where the inner world offers them. A subclass
    gives `_from(state)`, the state of the inner world in which the next step starts, and `_led_to(state)`, that which the
    last step led to; its methods `_more_NAME` are what `NAME` is where the inner world has it.
    """

    def __init__(self, inner: Any, more: dict[str, Any], extra: int, dtype: Any = None):
        """more: {param: field}, each of its default's type. extra: numbers added to the observation; dtype: of all of it."""
        self.inner = inner
        base = type(inner.default_params)
        kinds = {name: type(field.default) for name, field in more.items()}
        cls = struct.dataclass(type("Params", (base,), {**more, "__annotations__": kinds, "__doc__": base.__doc__}))
        self._params = cls(**vars(inner.default_params))
        self._seen = jax.eval_shape(lambda key: adapter.reset(inner, key, inner.default_params)[0], jax.random.key(0))
        self._dtype, self._shape = dtype or self._seen.dtype, (self._seen.size + extra,)

    def __getattr__(self, name: str):
        known = not name.startswith("_") and hasattr(type(self), f"_more_{name}")
        if not known or not offers(self.inner, name):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self, f"_more_{name}")

    @property
    def name(self) -> str:
        return f"{type(self).__name__}({contract.name_of(self.inner)})"

    @property
    def num_actions(self) -> int:
        space = self.action_space()
        return int(space.n) if hasattr(space, "n") else self.inner.num_actions

    @property
    def actions(self) -> tuple[str, ...]:  # type: ignore[override]  # here it is not the class that knows
        return adapter.action_names(self.inner)

    @property
    def outcomes(self) -> Mapping[str, str] | tuple[str, ...]:  # type: ignore[override]
        return contract.outcomes_of(self.inner)

    def place(self, **changes) -> str:  # type: ignore[override]
        """The inner world's words, where only its own params differ."""
        own = {*changes} <= {*vars(self.inner.default_params)} and offers(self.inner, "place")
        return self.inner.place(**changes) if own else ""

    def action_space(self, params=None):
        return self.inner.action_space(self._params if params is None else params)

    def observation_space(self, params) -> spaces.Box:
        limits = (False, True) if self._dtype == jnp.bool_ else (-jnp.inf, jnp.inf)
        return spaces.Box(*limits, self._shape, self._dtype)

    def check_params(self, params) -> None:
        super().check_params(params)
        if offers(self.inner, "check_params"):
            self.inner.check_params(params)

    def observation_channels(self, params) -> np.ndarray:
        """int[entries]: the inner world's channels, and one for all that is put to its observation."""
        inner = adapter.observation_channels(self.inner, self.inner.default_params, self._seen.shape).ravel()
        more = self._shape[0] - inner.size
        return np.append(inner, np.full(more, inner.max(initial=-1) + 1)).astype(np.int64)

    def join(self, obs: jax.Array, *more: jax.Array) -> jax.Array:
        """The inner world's observation, with `more` put to it."""
        return jnp.concatenate([jnp.ravel(x).astype(self._dtype) for x in (obs, *more)])

    def inner_obs(self, obs: jax.Array) -> jax.Array:
        """The inner world's observation out of the wrapper's."""
        return obs[: self._seen.size].reshape(self._seen.shape).astype(self._seen.dtype)

    def _more_references(self, params) -> dict:
        def of(policy):
            def inner(obs, state, params, key):
                return policy(self.inner_obs(obs), self._from(state), params, key_for(policy, key))

            return inner

        return {name: of(policy) for name, policy in self.inner.references(params).items()}

    @property
    def _more_goals(self) -> dict:
        def of(attained):
            return lambda state, after: attained(self._from(state), self._led_to(after))

        return {name: of(attained) for name, attained in self.inner.goals.items()}


def stay(over: jax.Array, old: Any, new: Any) -> Any:
    """`old` where the episode is over bool[], else `new`: pytrees of one structure."""
    return jax.tree.map(lambda a, b: jnp.where(over, a, b), old, new)


def true_reward(signals: Mapping[str, Any]) -> jax.Array:
    """What a step was truly worth: the world's "true", or else its reward, float32[]."""
    return jnp.asarray(signals.get("true", signals["reward"]), jnp.float32)
