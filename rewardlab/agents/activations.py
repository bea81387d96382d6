"""What goes on inside a network: the activations of its layers, and what it says when these are changed on their way.

A network names its layers with `layer(name, x)`, which returns x as it is. So any agent may offer them, of whatever library it is
made: one line a layer. Names are those of the network's own choice; one that comes again is told from the first by a number.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from rewardlab.inputs.errors import InputError, returned, unknown
from rewardlab.types import Agent, Outputs, PyTree

Edit = Callable[[jax.Array], jax.Array]  # activations float32[N, ...] -> those that go on in their place
_watcher: contextvars.ContextVar[Callable[[str, jax.Array], jax.Array] | None] = contextvars.ContextVar(
    "watcher", default=None
)


def layer(name: str, x: jax.Array) -> jax.Array:
    """The activations x, float32[N, ...], of a layer of that name, as they are. To be called where a network computes them."""
    watcher = _watcher.get()
    return x if watcher is None else watcher(name, x)


def opened(
    agent: Agent, params: PyTree, memory: PyTree, obs: jax.Array, edits: Mapping[str, Edit] | None = None
) -> tuple[Outputs, PyTree, dict[str, jax.Array]]:
    """One step of N lanes: (outputs, memory after them, {layer: its activations float32[N, ...], after its edit}).

    Arguments are those of `Agent.step`. edits: {layer: what becomes of its activations}, which keep shape and dtype. Raises
    InputError for an agent that names no layers, and for edits of layers that it does not have.
    """
    found: dict[str, jax.Array] = {}
    with _watched(edits or {}, found):
        outputs, memory = agent.step(params, memory, obs)
    if not found:
        raise InputError(
            "the agent names no layers, so there is nothing to look into; allowed: mlp, cnn, gru, transformer, or a network of "
            "your own that calls rewardlab.agents.layer(name, x)"
        )
    for name in edits or {}:
        if name not in found:
            raise unknown("layer", name, found)
    return outputs, memory, found


def edited(agent: Agent, edits: Mapping[str, Edit]) -> Agent:
    """The agent whose activations are edited at every step, to be played like any other. As of `opened`."""

    def step(params: PyTree, memory: PyTree, obs: jax.Array) -> tuple[Outputs, PyTree]:
        return opened(agent, params, memory, obs, edits)[:2]

    def unroll(params: PyTree, memory: PyTree, obs: jax.Array, first: jax.Array) -> tuple[Outputs, PyTree]:
        with _watched(edits):
            return agent.unroll(params, memory, obs, first)

    return agent._replace(step=step, unroll=unroll)


def shapes(agent: Agent) -> dict[str, tuple[int, ...]]:
    """{layer: the shape of its activations for one observation}, in the order in which they are computed. Raises InputError."""
    assert agent.obs is not None  # of agents that `agents.make` made

    order: list[str] = []  # as a dict that is traced comes back sorted

    def look(key: jax.Array, obs: jax.Array) -> list[jax.Array]:
        params = agent.init(key)
        found = opened(agent, params, agent.start(params, 1), obs)[2]
        order.extend(found)
        return [*found.values()]

    key = jax.eval_shape(lambda: jax.random.key(0))
    obs = jax.ShapeDtypeStruct((1, *agent.obs.shape), agent.obs.dtype)
    return {name: x.shape[1:] for name, x in zip(order, jax.eval_shape(look, key, obs), strict=True)}


def adding(vector: jax.Array) -> Edit:
    """The edit that adds a vector: one for all lanes, float32[...], or one for each, float32[N, ...]."""
    return lambda x: x + vector.astype(x.dtype)


@contextlib.contextmanager
def _watched(edits: Mapping[str, Edit], found: dict[str, jax.Array] | None = None) -> Iterator[None]:
    """Within it, layers are edited, and written down where `found` is given."""
    times: dict[str, int] = {}

    def watcher(name: str, x: jax.Array) -> jax.Array:
        times[name] = times.get(name, 0) + 1
        name = name if times[name] == 1 else f"{name} ({times[name]})"
        if name in edits:
            now: Any = jnp.asarray(edits[name](x))
            if now.shape != x.shape or now.dtype != x.dtype:
                raise returned(
                    f"the edit of layer {name!r}", f"gave {now.dtype}{list(now.shape)}", f"{x.dtype}{list(x.shape)}"
                )
            x = now
        if found is not None:
            found[name] = x
        return x

    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
