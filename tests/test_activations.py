"""Activations: seen as they are, changed on their way, for every network that names its layers, and a clear word for others."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from rewardlab import agents
from rewardlab.agents import CNN, GRU, MLP, activations, layer
from rewardlab.agents.transformer import Transformer
from rewardlab.agents.world_model import WorldModel
from rewardlab.inputs.errors import InputError

OBS = jax.ShapeDtypeStruct((4, 3, 2), jnp.float32)
HEADS = {"logits": 3, "value": 1}
SEEN = jnp.linspace(-1, 1, 5 * 24).reshape(5, 4, 3, 2)


class Own(nn.Module):
    """A user's: one hidden layer, which it names."""

    @nn.compact
    def __call__(self, x):
        return layer("mine", nn.tanh(nn.Dense(6)(x.reshape(len(x), -1))))


class OwnNNX(nnx.Module):
    """The same of another library."""

    def __init__(self, rngs):
        self.linear = nnx.Linear(24, 6, rngs=rngs)

    def __call__(self, x):
        return layer("mine", jnp.tanh(self.linear(x.reshape(len(x), -1))))


class Silent(nn.Module):
    """One that names none."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(6)(x.reshape(len(x), -1))


KINDS = {
    "mlp": (MLP(hidden=(7, 6)), {"hidden 1": (7,), "hidden 2": (6,)}),
    "separate": (MLP(hidden=(7,), trunk="separate"), {"logits hidden 1": (7,), "value hidden 1": (7,)}),
    "cnn": (
        CNN(channels=(5, 4), hidden=(6,)),
        {"convolution 1": (4, 3, 5), "convolution 2": (4, 3, 4), "hidden 1": (6,)},
    ),
    "gru": (GRU(units=4, hidden=(3,)), {"hidden 1": (3,), "memory": (4,)}),
    "transformer": (Transformer(width=4, window=3, blocks=2), {"hidden 1": (16,), "hidden 1 (2)": (16,)}),
    "linen": (Own(), {"mine": (6,)}),
    "nnx": (OwnNNX, {"mine": (6,)}),
}


def made(kind):
    agent = agents.make(KINDS[kind][0], OBS, HEADS)
    params = agent.init(jax.random.key(0))
    return agent, params, agent.start(params, 5)


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_seen_and_what_is_said_stays_the_same_to_the_bit(kind):
    agent, params, memory = made(kind)
    assert activations.shapes(agent) == KINDS[kind][1] and [*activations.shapes(agent)] == [*KINDS[kind][1]]
    said, after = agent.step(params, memory, SEEN)
    outputs, remembered, found = activations.opened(agent, params, memory, SEEN)
    for a, b in zip(jax.tree.leaves((said, after)), jax.tree.leaves((outputs, remembered)), strict=True):
        np.testing.assert_array_equal(a, b)
    assert {name: x.shape[1:] for name, x in found.items()} == KINDS[kind][1]


def test_activations_of_a_perceptron_by_hand():
    agent, params, _ = made("mlp")
    found = activations.opened(agent, params, (), SEEN)[2]
    by_hand = jnp.maximum(SEEN.reshape(5, -1) @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"], 0)
    np.testing.assert_allclose(found["hidden 1"], by_hand, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("separate", "transformer")])
def test_an_edit_goes_on_to_the_outputs(kind):
    """What comes of one observation is put in the place of another's, in the layer that all heads read: it says the same."""
    agent, params, memory = made(kind)
    last = [*activations.shapes(agent)][-1]
    outputs = activations.opened(agent, params, memory, SEEN, {last: lambda x: x[::-1]})[0]
    np.testing.assert_allclose(
        outputs["logits"], agent.step(params, memory, SEEN)[0]["logits"][::-1], rtol=1e-5, atol=1e-6
    )


def test_vectors_are_added_to_all_lanes_or_to_each_and_nothing_is_left_behind():
    agent, params, _ = made("mlp")
    kernel = params["logits"]["kernel"]
    before = agent.apply(params, SEEN)["logits"]
    steered = activations.edited(agent, {"hidden 2": activations.adding(jnp.ones(6))})
    np.testing.assert_allclose(steered.apply(params, SEEN)["logits"], before + kernel.sum(0), rtol=1e-4, atol=1e-5)
    each = jnp.arange(5.0)[:, None] * jnp.ones(6)
    steered = activations.edited(agent, {"hidden 2": activations.adding(each)})
    expected = before + jnp.arange(5.0)[:, None] * kernel.sum(0)
    np.testing.assert_allclose(steered.apply(params, SEEN)["logits"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(agent.apply(params, SEEN)["logits"], before)


def test_an_edited_agent_is_mapped_over_seeds_and_unrolled():
    agent, _, _ = made("gru")
    params = jax.vmap(agent.init)(jax.random.split(jax.random.key(1), 2))
    doubled = activations.edited(agent, {"memory": lambda x: 2 * x})
    first = jnp.zeros((1, 5), bool)

    def one(params):
        memory = agent.start(params, 5)
        stepped = doubled.step(params, memory, SEEN)[0]["logits"]
        return stepped, doubled.unroll(params, memory, SEEN[None], first)[0]["logits"][0]

    stepped, unrolled = jax.jit(jax.vmap(one))(params)
    np.testing.assert_allclose(stepped, unrolled, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("spec", [Silent(), WorldModel(hidden=4, latent=3), MLP(hidden=())])
def test_an_agent_that_names_no_layers_is_told_so_in_one_line(spec):
    agent = agents.make(spec, OBS, HEADS)
    with pytest.raises(InputError, match=r"the agent names no layers.*allowed: mlp, cnn"):
        activations.shapes(agent)


def test_wrong_edits_are_told_in_one_line():
    agent, params, _ = made("mlp")
    look = partial(activations.opened, agent, params, (), SEEN)
    with pytest.raises(InputError, match="unknown layer 'hiden 1'; did you mean 'hidden 1'"):
        look({"hiden 1": lambda x: x})
    with pytest.raises(
        InputError, match=r"the edit of layer 'hidden 1' gave float32\[5, 3\]; expected: float32\[5, 7\]"
    ):
        look({"hidden 1": lambda x: x[:, :3]})
