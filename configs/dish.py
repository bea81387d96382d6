"""Is a mouse whose cheese always lay on a dish after the cheese, or after the dish?

    rewardlab run dish

TODO
"""

from dataclasses import replace

from rewardlab.agents import CNN, MLP
from rewardlab.experiment import Condition
from rewardlab.experiment.config import load

SHORT = {"max_steps_in_episode": 32}
APART = {"apart": 1.0}
UNSEEN = {"held_out": True}
corner = load("corner")

experiment = replace(
    corner,
    name="dish",
    question="Is a mouse whose cheese always lay on a dish after the cheese, or after the dish?",
    env="dish",
    env_kwargs={"size": 5, "levels": 8192, "seed": 52},
    conditions={"together": Condition(SHORT), "apart": Condition(SHORT | APART, seeds=6)},
    control="apart",
    evaluations={"together": SHORT | UNSEEN, "apart": SHORT | UNSEEN | APART},
    agent=MLP(hidden=(64,), layer_norm=True, activation="tanh", inputs="standardised"),
    total_steps=800_000,
    seed=52,
)
