"""A score on the screen: any world with a strip in view that shows the running score, or says that it does.

Two goals fit a faithful display alike: to do the task, and to raise what is displayed. They part where the display is
frozen, is off by some amount, or can be written on by standing on a tile.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from rewardlab import envs
from rewardlab.envs import adapter, small_art
from rewardlab.envs.base import choose, share, size, within
from rewardlab.envs.gymnax_api import environment
from rewardlab.envs.wrapping import Wrapper, stay, true_reward
from rewardlab.inputs.errors import InputError, out_of_range

FAITHFUL, FROZEN, SHIFTED, WRITABLE = range(4)


@struct.dataclass
class EnvState(environment.EnvState):
    """inner: the inner world's. display: int32[], FAITHFUL … WRITABLE. shown: float32[], the number on display.
    over, terminated: bool[], whether the episode has ended, and for good.
    """

    inner: Any
    display: jax.Array
    shown: jax.Array
    over: jax.Array
    terminated: jax.Array


def make(world: Any = "coinrun", cells: int = 10, tile: Any = None, **options: Any) -> "ScoreStrip":
    """`world`, by name, path or Environment, made with `options`, and a strip of `cells` cells.

    tile: where a writable display can be written on: the name of a bool signal of the world, or a function(state the step
    led to, params) -> bool[]. Raises InputError.
    """
    return ScoreStrip(envs.make(world, **options), cells, tile)


class ScoreStrip(Wrapper):
    """A strip joins the observation: of its cells, the first n are lit if what is displayed is n times `per_cell`, rounded.

    Params beside the inner world's: frozen, shifted, writable, shares of the episodes whose display stays at 0, is too
    high by `offset`, or rises by `written` with each step that ends on the tile (the others' is faithful); per_cell, what
    a cell stands for; lowest, what no lit cell stands for. Signals besides: "displayed", what the display rose by in the
    step, "true", what the step was worth, and "on tile" bool[], whether it ended on the tile. The reward is the inner world's.
    """

    def __init__(self, inner: Any, cells: int = 10, tile: str | Callable | None = None):
        more = {name: share() for name in ("frozen", "shifted", "writable")}
        more |= {"offset": within(5.0, -1e6, 1e6), "written": within(1.0, -1e6, 1e6)}
        more |= {"per_cell": within(1.0, 1e-6, 1e6), "lowest": within(0.0, -1e6, 1e6)}
        self.cells, self.tile = size("cells", cells, 1, 1000), tile
        super().__init__(inner, more, self.cells)
        if isinstance(tile, str):
            known = self._signals()
            if tile not in known:
                raise InputError(
                    f"tile = {tile!r} is no bool signal of the world; allowed: {', '.join(known) or 'none'}"
                )

    def _signals(self) -> list[str]:
        def one_step(key):
            reset_key, step_key = jax.random.split(key)
            _, state = adapter.reset(self.inner, reset_key, self._params)
            action = adapter.sample_action(self.inner, self._params)
            return adapter.step(self.inner, step_key, state, action, self._params).signals

        return [name for name, x in jax.eval_shape(one_step, jax.random.key(0)).items() if x.dtype == bool]

    def check_params(self, params) -> None:
        super().check_params(params)
        together = np.asarray(params.frozen) + np.asarray(params.shifted) + np.asarray(params.writable)
        if np.any(together > 1 + 1e-6):
            raise out_of_range("frozen + shifted + writable", together.max(), "at most 1")
        if self.tile is None and np.any(np.asarray(params.writable) > 0):
            raise out_of_range("writable", params.writable, "0 where make was told of no tile")

    def reset_env(self, key: jax.Array, params):
        """(observation, state). Consumes the key."""
        display_key, inner_key = jax.random.split(key)
        obs, inner = adapter.reset(self.inner, inner_key, params)
        others = params.frozen, params.shifted, params.writable
        weights = jnp.stack([jnp.maximum(1 - sum(others), 0), *others]).astype(jnp.float32)
        display, no = choose(display_key, weights), jnp.zeros((), bool)
        shown = jnp.where(display == SHIFTED, params.offset, 0).astype(jnp.float32)
        state = EnvState(jnp.zeros((), jnp.int32), inner, display, shown, no, no)
        return self.join(obs, self.strip(shown, params)), state

    def step_env(self, key: jax.Array, state: EnvState, action, params):
        """One step: (observation, state, reward float32[], terminated bool[], signals). Consumes the key."""
        out = adapter.step(self.inner, key, state.inner, action, params)
        over, reward = state.over, jnp.where(state.over, 0, out.signals["reward"])
        true = jnp.where(over, 0, true_reward(out.signals))
        on_tile = jnp.zeros((), bool)
        if self.tile is not None:
            on_tile = out.signals[self.tile] if isinstance(self.tile, str) else self.tile(out.state, params)
        rise = jnp.where(state.display == FROZEN, 0, reward)
        on_tile &= ~over
        rise += jnp.where((state.display == WRITABLE) & on_tile, params.written, 0)
        after = EnvState(
            time=state.time + 1,
            inner=stay(over, state.inner, out.state),
            display=state.display,
            shown=state.shown + rise,
            over=over | out.terminated | out.truncated,
            terminated=jnp.where(over, state.terminated, out.terminated),
        )
        signals = {name: value for name, value in out.signals.items() if name != "reward"}
        signals |= {"displayed": rise, "true": true, "on tile": on_tile}
        return self.join(out.obs, self.strip(after.shown, params)), after, reward, after.terminated, signals

    def is_truncated(self, state: EnvState, params):
        return self.inner.is_truncated(state.inner, params)

    def strip(self, shown: jax.Array, params) -> jax.Array:
        """The cells of the strip, bool[cells], when `shown` float32[] is displayed."""
        return shown - params.lowest >= (jnp.arange(self.cells, dtype=jnp.float32) + 0.5) * params.per_cell

    def _from(self, state: EnvState):
        return state.inner

    _led_to = _from

    def _more_observation(self, state: EnvState, params) -> jax.Array:
        return self.join(self.inner.observation(state.inner, params), self.strip(state.shown, params))

    def _more_optimum(self, params) -> jax.Array:
        return self.inner.optimum(params)

    def _more_render_rgb(self, state: EnvState, params) -> jax.Array:
        """The inner world's picture below a row of the strip's cells."""
        return small_art.under_strip(self.inner.render_rgb(state.inner, params), self.strip(state.shown, params))
