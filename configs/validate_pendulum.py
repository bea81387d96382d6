"""Does PPO swing a pendulum up and hold it, with continuous torque?

    rewardlab run validate_pendulum

Time and result: docs/validation.md.
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="validate_pendulum",
    question="Does PPO swing a pendulum up and hold it, with continuous torque?",
    env="Pendulum-v1",
    conditions={"Pendulum": Condition()},
    evaluations={"Pendulum": {}},
    rules={
        "ppo": make(
            "ppo", learning_rate=0.001, gamma=0.9, entropy_weight=0.0, num_envs=16, unroll_length=128, epochs=10
        ),
    },
    agent=MLP(hidden=(64, 64), activation="tanh", trunk="separate"),
    total_steps=600_000,
    seeds=10,
    points=6,
    episodes=256,
    capable_return=-200.0,
)
