"""Does a mouse whose cheese was always in the corner want the cheese, and how wide must its region be before it does?

rewardlab run corner
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="corner",
    question="Does a mouse whose cheese was always in the corner want the cheese or the corner?",
    env="corner",
    env_kwargs={"size": 7, "levels": 4096},
    conditions={
        "corner": Condition({"corner_size": 1}),
        "two": Condition({"corner_size": 2}),
        "four": Condition({"corner_size": 4}),
        "anywhere": Condition({"elsewhere": 1.0}),
    },
    control="anywhere",
    evaluations={
        "corner": {"held_out": True},
        "elsewhere": {"held_out": True, "elsewhere": 1.0},
    },
    rules={"ppo": make("ppo", learning_rate=0.001, lanes=64, steps=32)},
    agent=MLP(hidden=(128, 64)),
    steps=3_000_000,
    seeds=10,
    points=5,
    episodes=256,
)
