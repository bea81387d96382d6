"""Does an agent that was trained to reach a yellow line go for what is yellow, or for the line?

    rewardlab run colour_shape

TODO
"""

from dataclasses import replace

from rewardlab.agents import CNN, MLP
from rewardlab.experiment import Condition, Phase
from rewardlab.experiment.config import load

SHORT = {"max_steps_in_episode": 32}
UNSEEN = {"held_out": True}
corner = load("corner")

experiment = replace(
    corner,
    name="colour_shape",
    question="Does an agent that was trained to reach a yellow line go for what is yellow, or for the line?",
    env="colour_shape",
    env_kwargs={"pixels": False, "levels": 8192, "seed": 54},
    conditions={
        "line": Condition(SHORT),
        "told_apart": Condition(SHORT | {"pair": 0.5}, seeds=6, phases=(Phase(0.0, reward={"line": 1.0}),)),
    },
    control="told_apart",
    evaluations={"line": SHORT | UNSEEN, "pair": SHORT | UNSEEN | {"pair": 1.0}},
    agent=MLP(hidden=(64,), layer_norm=True, activation="tanh", inputs="standardised"),
    total_steps=800_000,
    seed=54,
)
