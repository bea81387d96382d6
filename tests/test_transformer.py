"""The transformer: no token sees a later one, one beyond its window, or one of another episode; and it learns what needs memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab import InputError, agents
from rewardlab.agents.transformer import Transformer
from rewardlab.inputs.fields import checked

OBS, HEADS, T, N = jax.ShapeDtypeStruct((3,), jnp.float32), {"logits": 2, "value": 1}, 9, 4
KEY = jax.random.key


def made(**fields):
    agent = agents.make(Transformer(**{"width": 8, "window": 4, "head_scale": 1.0} | fields), OBS, HEADS)
    like = agent.init(KEY(0))
    leaves, tree = jax.tree.flatten(like)  # no zeros, of biases and places, to hide anything
    keys = jax.random.split(KEY(1), len(leaves))
    return agent, jax.tree.unflatten(
        tree, [x + 0.3 * jax.random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)]
    )


def differing(agent, params):
    """(obs, other obs, first) -> bool[T, N], where what is said differs, in any bit. Compiled once."""
    unroll = jax.jit(lambda obs, first: agent.unroll(params, agent.start(params, N), obs, first)[0])

    def differs(obs, other, first=None):
        first = jnp.zeros((T, N), bool) if first is None else first
        one, two = unroll(obs, first), unroll(other, first)
        return np.any([np.asarray(one[h] != two[h]).any(-1) for h in HEADS], axis=0)

    return differs


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("blocks", [1, 2])
def test_what_comes_later_changes_no_bit_of_what_was_said_before(blocks):
    differs, obs = differing(*made(blocks=blocks)), jax.random.normal(KEY(2), (T, N, 3))
    for t in range(T):
        found = differs(obs, obs.at[t:].set(1e3 * jax.random.normal(KEY(3), (T - t, N, 3))))
        assert not found[:t].any() and found[t].all()


@pytest.mark.parametrize(("blocks", "reach"), [(1, 4), (2, 7)])
def test_a_token_sees_its_window_and_no_more(blocks, reach):
    """Through B blocks of a window of 4: B times the 3 before it."""
    differs, obs = differing(*made(blocks=blocks)), jax.random.normal(KEY(2), (T, N, 3))
    found = differs(obs, obs.at[1].add(1.0))
    assert found[1 : 1 + reach].all() and not found[1 + reach :].any() and not found[0].any()


def test_nothing_is_seen_across_the_beginning_of_an_episode():
    differs = differing(*made(window=9, blocks=2))
    obs, first = jax.random.normal(KEY(2), (T, N, 3)), jnp.zeros((T, N), bool).at[4, 1].set(True)
    found = differs(obs, obs.at[2].add(1.0), first)
    assert not found[4:, 1].any() and found[2:4, 1].all() and found[2:, [0, 2, 3]].all()


@pytest.mark.slow(quickly=True)
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("window", [2, 4, 20])
def test_in_pieces_of_any_length_it_says_the_same(window, blocks):
    agent, params = made(window=window, blocks=blocks)
    obs, first = jax.random.normal(KEY(2), (T, N, 3)), jax.random.bernoulli(KEY(3), 0.2, (T, N))
    unroll = jax.jit(agent.unroll)
    whole, memories = unroll(params, agent.start(params, N), obs, first)
    memory, said = agent.start(params, N), []
    for piece in (slice(0, 4), slice(4, 5), slice(5, 9)):
        out, after = unroll(params, memory, obs[piece], first[piece])
        memory = jax.tree.map(lambda x: x[-1], after)
        said.append(out)
    said = jax.tree.map(lambda *x: jnp.concatenate(x), *said)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), said, whole)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b[-1], rtol=1e-4, atol=1e-5), memory, memories)


@pytest.mark.slow(quickly=True)
def test_attention_by_hand():
    """One block, one head, of a window of 2: softmax of two scaled products and of the place's number, written out."""
    agent, params = made(width=2, window=2, blocks=1, attention=1)
    p, block = params["trunk"], params["trunk"]["_Block_0"]
    obs = jax.random.normal(KEY(2), (2, 1, 3))

    def norm(x, of):
        x = (x - x.mean()) / np.sqrt(x.var() + 1e-6)
        return x * np.asarray(of["scale"]) + np.asarray(of["bias"])

    def dense(x, of):
        return x @ np.asarray(of["kernel"]) + np.asarray(of.get("bias", 0.0))

    x = [dense(np.asarray(o[0]), p["Dense_0"]) for o in obs]
    q, k, v = zip(*(np.split(dense(norm(y, block["LayerNorm_0"]), block["Dense_0"]), 3) for y in x), strict=True)
    scores = np.array([q[1] @ k[s] / np.sqrt(2) + np.asarray(block["place"])[0, 1 - s] for s in (0, 1)])
    weight = np.exp(scores) / np.exp(scores).sum()
    y = x[1] + dense(weight[0] * v[0] + weight[1] * v[1], block["Dense_1"])
    y = y + dense(np.maximum(dense(norm(y, block["LayerNorm_1"]), block["Dense_2"]), 0), block["Dense_3"])
    expected = dense(norm(y, p["LayerNorm_0"]), params["logits"])
    found, _ = agent.unroll(params, agent.start(params, 1), obs, jnp.zeros((2, 1), bool))
    np.testing.assert_allclose(found["logits"][1, 0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"width": 9}, "width = 9 can't be split by attention = 2"),
        ({"window": 1}, "window = 1"),
        ({"blocks": 0}, "blocks = 0"),
    ],
)
def test_bad_sizes_are_refused_in_one_line(fields, said):
    with pytest.raises(InputError, match=said):
        checked(Transformer(**fields))
