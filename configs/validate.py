"""Do the rules reach the returns that others published on CartPole, where 500 is the most there is?

    rewardlab run validate

Time and result: docs/validation.md.
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="validate",
    question="Do the rules reach the returns that others published on CartPole?",
    env="CartPole-v1",
    conditions={"CartPole": Condition()},
    evaluations={"CartPole": {}},
    rules={
        "reinforce": make(
            "reinforce", learning_rate=0.003, entropy_weight=0.0, max_grad_norm=5.0, num_envs=8, unroll_length=500
        ),
        "a2c": make("a2c"),
        "ppo": make("ppo", learning_rate=0.0005, entropy_weight=0.0, num_envs=16, unroll_length=64),
        "trpo": make("trpo"),
        "parallel_q": make(
            "parallel_q",
            learning_rate=0.00025,
            gamma=0.99,
            q_lambda=0.95,
            num_envs=32,
            unroll_length=64,
            epochs=4,
            minibatches=16,
        ),
        "dqn": make("dqn"),
        "truncation": make("truncation", mutation=0.1, candidates=32, parents=4, num_envs=32, unroll_length=500),
        "openai_es": make("openai_es", learning_rate=0.03, sigma=0.1, candidates=32, num_envs=32, unroll_length=500),
    },
    agent=MLP(hidden=(64, 64), layer_norm=True, trunk="separate"),
    total_steps=500_000,
    seeds=30,
    points=5,
    episodes=64,
    capable_return=475.0,
    published={
        "CleanRL PPO, 500k steps, 3 seeds": 490.04,
        "CleanRL DQN in JAX, 500k steps": 498.38,
        "rl-zoo A2C, 500k steps": 500.0,
        "SLM-Lab REINFORCE, 200k frames, moving average": 483.3,
        "gymnax-blines OpenES, from generation 80": 500.0,
        "uniformly random, 2,000 episodes": 22.7,
    },
)
