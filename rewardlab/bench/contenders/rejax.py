"""rejax: PPO, PQN and DQN on CartPole, every seed at once by `vmap`, as its documentation shows.

Only training is timed: its evaluations, which would run in the middle of it, are switched off. With `width` the same
programs are scheduled as RewardLab schedules its own, in batches of so many seeds on all cores.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from rewardlab.bench import Case, jitted

PACKAGE = "rejax"
PPO = {"max_grad_norm": 0.5, "gamma": 0.99, "gae_lambda": 0.95, "clip_eps": 0.2, "ent_coef": 0.01, "vf_coef": 0.5}
TANH: dict[str, Any] = {"agent_kwargs": {"activation": "tanh"}}
TESTED, EPISODES = 16, 16  # policies, and episodes of each, that `figure` is the mean return of


class FiveValues:
    """A gymnax 1 environment whose `step` returns five values, which is what rejax expects."""

    def __init__(self, env):
        self.env = env

    def __getattr__(self, name):
        if name == "env" or name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.env, name)

    def __deepcopy__(self, memo):
        return self

    def step(self, key, state, action, params=None):
        obs, state, reward, terminated, truncated, info = self.env.step(key, state, action, params)
        return obs, state, reward, terminated | truncated, info


def case(algorithm: str, seeds: int, steps: int, width: int, **settings) -> Case:
    import gymnax
    import rejax
    from rejax.evaluate import evaluate

    env, params = gymnax.make("CartPole-v1")
    agent = getattr(rejax, algorithm).create(
        env=FiveValues(env), env_params=params, total_timesteps=steps, eval_freq=steps, **settings
    )
    agent = agent.replace(skip_initial_evaluation=True, eval_callback=lambda agent, state, key: 0.0)

    def train(keys):
        return jax.vmap(agent.train)(keys)[0]

    def figure(state):
        def score(one):
            act = agent.make_act(one)
            _, returns = evaluate(act, jax.random.key(1), agent.env, agent.env_params, EPISODES, 500)
            return returns.mean()

        first = jax.tree.map(lambda x: x[:TESTED], state)
        return float(jax.jit(jax.vmap(score))(first).mean())

    def in_batches():
        from rewardlab.running import batches

        program = jax.jit(train).lower(jax.random.split(jax.random.key(0), width)).compile()

        def run(root):
            keys = jax.random.split(jax.random.key(root), seeds)
            with batches.Workers() as workers:
                parts = [workers.on_any(lambda _, i: jax.block_until_ready(program(keys[i])), np.array(batch))
                         for batch in batches.divided(range(seeds), width)]  # fmt: skip
                return next(iter([part.result() for part in parts]))

        return run

    whole = jitted(lambda key: train(jax.random.split(key, seeds)))
    return Case(in_batches if width else whole, seeds * steps, figure)


def ppo(seeds: int, updates: int, width: int = 0) -> Case:
    settings = PPO | TANH | {"num_envs": 4, "num_steps": 128, "num_epochs": 4, "num_minibatches": 4}
    return case("PPO", seeds, updates * 512, width, learning_rate=2.5e-4, **settings)


def parallel_q(seeds: int, updates: int, width: int = 0) -> Case:
    settings = {"num_envs": 4, "num_steps": 128, "num_epochs": 4, "num_minibatches": 4, "max_grad_norm": 10.0}
    return case("PQN", seeds, updates * 512, width, learning_rate=2.5e-4, **settings)


def dqn(seeds: int, steps: int, width: int = 0) -> Case:
    settings = TANH | {"num_envs": 4, "buffer_size": 10_000, "batch_size": 128, "fill_buffer": 128}
    settings |= {"target_update_freq": 200, "polyak": 0.0, "max_grad_norm": 10.0}
    return case("DQN", seeds, steps, width, learning_rate=5e-4, **settings)
