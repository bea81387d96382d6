"""Do the rules reach the returns that others published on Acrobot, where every step costs a point?

    rewardlab run validate_acrobot

Time and result: docs/validation.md.
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="validate_acrobot",
    question="Do the rules reach the returns that others published on Acrobot?",
    env="Acrobot-v1",
    conditions={"Acrobot": Condition()},
    evaluations={"Acrobot": {}},
    rules={
        "a2c": make("a2c", entropy_weight=0.01),
        "ppo": make("ppo", learning_rate=0.001, entropy_weight=0.01, num_envs=16, unroll_length=128),
        "trpo": make("trpo"),
        "dqn": make("dqn"),
    },
    agent=MLP(hidden=(64, 64), activation="tanh", trunk="separate"),
    total_steps=500_000,
    seeds=10,
    points=5,
    episodes=64,
    capable_return=-90.0,
    published={
        "CleanRL PPO, 500k steps, 3 seeds": -86.36,
        "OpenAI baselines PPO, as run by CleanRL": -81.82,
        "CleanRL DQN in JAX, 500k steps": -88.89,
        "rl-zoo A2C, 500k steps": -83.4,
        "rl-zoo DQN, 100k steps": -76.6,
        "uniformly random, 2,000 episodes": -499.0,
    },
)
