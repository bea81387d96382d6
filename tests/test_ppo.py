"""PPO, and the descent that it shares: the clipped surrogate, minibatches, epochs, clipping of the gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from told import experience, table

from rewardlab.collect import act
from rewardlab.rules import optimisers
from rewardlab.rules.losses import clipped_surrogate, descend, masked_mean, minibatches, standardise
from rewardlab.rules.ppo import PPO


def test_clipped_surrogate_by_hand():
    """min(ρA, clip(ρ)A): where the clip binds the gradient is zero (Schulman et al. 2017, fig. 1)."""
    advantage, ratio = jnp.array([1.0, 1.0, -1.0, -1.0]), jnp.array([1.5, 0.5, 1.5, 0.5])
    loss = lambda lp: clipped_surrogate(lp, jnp.zeros(4), advantage, 0.2)  # noqa: E731
    np.testing.assert_allclose(loss(jnp.log(ratio)), [-1.2, -0.5, 1.5, 0.8], rtol=1e-6)
    slope = jax.grad(lambda lp: loss(lp).sum())(jnp.log(ratio))
    np.testing.assert_allclose(slope, [0.0, -0.5, 1.5, 0.0], rtol=1e-6)


def test_ppo_starts_along_the_policy_gradient():
    """At the old parameters the surrogate's gradient is −Σ π A ∇log π, by enumeration of a bandit."""
    with jax.enable_x64(True):
        q, logits = jnp.array([0.2, 1.0, -0.5]), jnp.array([0.3, -0.2, 0.9])
        pi = jax.nn.softmax(logits)
        old = jax.nn.log_softmax(logits)
        surrogate = lambda x: (pi * clipped_surrogate(jax.nn.log_softmax(x), old, q - pi @ q, 0.2)).sum()  # noqa: E731
        np.testing.assert_allclose(-jax.grad(surrogate)(logits), pi * (q - pi @ q), atol=1e-12)


def test_ppo_update_raises_what_paid_and_learns_values():
    rule, agent = PPO(learning_rate=0.05, entropy_weight=0.0), table(1, {"logits": 3, "value": 1})
    paid = jnp.array([0.0, 1.0, 0.5])

    def one(state, key):
        act_key, key = jax.random.split(key)
        obs = jnp.ones((4, 16, 1))
        action, extras, _ = act(agent, rule.behave(agent, state, act_key), (), obs.reshape(-1, 1), act_key)
        extras = {k: v.reshape(4, 16) for k, v in extras.items()}
        told = experience(
            obs, action.reshape(4, 16), paid[action].reshape(4, 16), terminated=jnp.ones((4, 16), bool), extras=extras
        )
        return rule.update(agent, state, told, key)

    state, _ = jax.lax.scan(one, rule.init(agent, jax.random.key(0)), jax.random.split(jax.random.key(1), 60))
    assert jax.nn.softmax(state.params["logits"][0])[1] > 0.95
    np.testing.assert_allclose(state.params["value"][0, 0], 1.0, atol=0.1)


def test_minibatches_are_a_partition_of_the_lanes():
    parts = minibatches(jax.random.key(0), 8, 4)
    assert parts.shape == (4, 2)
    np.testing.assert_array_equal(jnp.sort(parts.ravel()), jnp.arange(8))
    assert not (parts.ravel() == jnp.arange(8)).all()


def test_every_epoch_meets_every_lane_once_in_an_order_of_its_own():
    """Each step makes p into 10 p + lane, so the digits of p are the lanes in the order of the minibatches."""
    loss = lambda p, lane: -(4.5 * p**2 + p * lane.sum())  # noqa: E731
    sgd, lanes = optax.sgd(1.0), jnp.array([[1.0, 2.0, 3.0]])

    def digits(key):
        return descend(loss, jnp.float32(0), sgd.init(jnp.float32(0)), sgd, key, lanes, 2, 3)[0]

    found = np.asarray(jax.jit(jax.vmap(digits))(jax.random.split(jax.random.key(0), 60))).astype(int)
    epochs = np.stack([found // 1000, found % 1000])
    assert all(sorted(str(epoch)) == ["1", "2", "3"] for epoch in epochs.ravel())
    assert len({*epochs.ravel().tolist()}) == 6 and len({*zip(*epochs.tolist(), strict=True)}) > 6


def test_standardising_reads_what_is_masked_in():
    x, mask = jnp.array([[0.0, 4.0, 100.0]]), jnp.array([[True, True, False]])
    assert masked_mean(x, mask) == 2.0 and masked_mean(x, mask & False) == 0.0
    np.testing.assert_allclose(standardise(x, mask)[0, :2], [-1.0, 1.0], rtol=1e-6)


def test_the_gradient_is_clipped_before_adam_sees_it():
    """Two steps on gradients of 100, clipped to 1, and 1/2, by Adam's formula (Kingma & Ba 2015, algorithm 1)."""
    optimiser = optimisers.make("adam", 2.0, 1.0)
    first, state = optimiser.update(jnp.float32(100), optimiser.init(jnp.float32(0)))
    second, _ = optimiser.update(jnp.float32(0.5), state)
    m, v = (0.9 * 0.1 + 0.1 * 0.5) / (1 - 0.9**2), (0.999 * 0.001 + 0.001 * 0.25) / (1 - 0.999**2)
    np.testing.assert_allclose([first, second], [-2 / (1 + 1e-5), -2 * m / (np.sqrt(v) + 1e-5)], rtol=1e-4)
