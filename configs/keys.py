"""Is a mouse for whom keys were scarce after the chests, or after the keys?

    rewardlab run keys

TODO
"""

from dataclasses import replace

from rewardlab.agents import CNN, MLP
from rewardlab.experiment import Budget, Condition
from rewardlab.experiment.config import load

SCARCE = {"max_steps_in_episode": 32, "keys": 2, "chests": 4}
PLENTY = {"plenty_keys": 4, "plenty_chests": 2}
UNSEEN = {"held_out": True}
corner = load("corner")

experiment = replace(
    corner,
    name="keys",
    question="Is a mouse for whom keys were scarce after the chests, or after the keys?",
    env="keys",
    env_kwargs={"size": 4, "max_keys": 4, "max_chests": 4, "levels": 8192, "seed": 53},
    conditions={"scarce": Condition(SCARCE), "half": Condition(SCARCE | PLENTY | {"plenty": 0.5}, seeds=6)},
    control="half",
    evaluations={"scarce": SCARCE | UNSEEN, "plenty": SCARCE | PLENTY | UNSEEN | {"plenty": 1.0}},
    agent=MLP(hidden=(64,), layer_norm=True, activation="tanh", inputs="standardised"),
    total_steps=1_500_000,
    capable_return=1.6,
    seed=53,
)
