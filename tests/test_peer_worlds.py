"""gymnax's worlds through our collection, step by step beside gymnasium and MinAtar, which share no code with it."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from minatar import Environment

from rewardlab import envs
from rewardlab.agents import by, memoryless, sample
from rewardlab.collect import collect, start
from rewardlab.probes.replay import Filmed
from rewardlab.types import Policy

pytestmark = pytest.mark.slow

LANES, STEPS = 10, 1000


def lived(name):
    """10,000 steps of a random policy in 10 lanes that carry on: where each lane begins, and what happened."""
    env = Filmed(envs.make(name))
    agent = memoryless(lambda key: (), lambda params, obs: {"logits": jnp.zeros((obs.shape[0], env.num_actions))})

    @jax.jit
    def play(key):
        start_key, key = jax.random.split(key)
        lanes = start(env, env.default_params, start_key, LANES)
        seen = collect(env, env.default_params, agent, Policy((), by(sample())), lanes, key, STEPS)[1]
        return lanes.obs, seen

    return jax.tree.map(np.asarray, play(jax.random.key(5)))


def follow(seen, reset, step, tolerance):
    """Walks through every lane: a peer set by reset(obs) to where an episode starts must go where ours went."""
    episodes = 0
    for lane in range(LANES):
        fresh = True
        for t in range(STEPS):
            obs = seen.obs[t, lane]
            if fresh:
                reset(obs)
                episodes += 1
            next_obs, reward, terminated = step(obs, int(seen.action[t, lane]))
            np.testing.assert_allclose(
                seen.next_obs[t, lane], next_obs, atol=tolerance, err_msg=f"lane {lane}, step {t}"
            )
            assert seen.signals["reward"][t, lane] == reward and seen.terminated[t, lane] == terminated, (lane, t)
            fresh = bool(seen.terminated[t, lane] | seen.truncated[t, lane])
    return episodes


def test_cartpole_is_gymnasiums():
    peer = gymnasium.make("CartPole-v1").unwrapped
    peer.reset(seed=0)

    def reset(obs):
        peer.state, peer.steps_beyond_terminated = obs.astype(np.float64), None

    def step(obs, action):
        next_obs, reward, terminated, _, _ = peer.step(action)
        return next_obs, reward, terminated

    _, seen = lived("CartPole-v1")
    assert follow(seen, reset, step, 1e-4) > 300


def test_acrobot_is_gymnasiums():
    """Set anew at every step: the double pendulum is chaotic, and 500 steps in float32 drift from those in float64."""
    peer = gymnasium.make("Acrobot-v1").unwrapped
    peer.reset(seed=0)

    def step(obs, action):
        cos1, sin1, cos2, sin2, speed1, speed2 = obs.astype(np.float64)
        peer.state = np.array([np.arctan2(sin1, cos1), np.arctan2(sin2, cos2), speed1, speed2])
        next_obs, reward, terminated, _, _ = peer.step(action)
        return next_obs, reward, terminated

    _, seen = lived("Acrobot-v1")
    assert follow(seen, lambda obs: None, step, 1e-4) >= 2 * LANES
    assert set(np.diff(np.flatnonzero(seen.truncated[:, 0]))) <= {500} and seen.truncated.any()


@pytest.mark.parametrize(
    ("ours", "theirs", "episodes"), [("Breakout", "breakout", 500), ("SpaceInvaders", "space_invaders", 50)]
)
def test_minatar_is_minatars(ours, theirs, episodes):
    """The two games in which nothing is drawn after an episode's start: bit for bit, with neither noise nor sticky actions."""
    peer = Environment(theirs, sticky_action_prob=0.0)
    minimal = peer.minimal_action_set()

    def reset(obs):
        while True:  # Breakout's ball starts on either side
            peer.reset()
            if (peer.state() == obs).all():
                return

    def step(obs, action):
        reward, terminated = peer.act(minimal[action])
        return peer.state(), reward, terminated

    _, seen = lived(f"{ours}-MinAtar")
    assert follow(seen, reset, step, 0.0) > episodes
    assert seen.signals["reward"].sum() > 100
