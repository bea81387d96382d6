"""Is a mouse whose cheese always lay on a dish after the cheese, or after the dish?

rewardlab run dish
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="dish",
    question="Is a mouse whose cheese always lay on a dish after the cheese, or after the dish?",
    env="dish",
    env_kwargs={"size": 7, "levels": 8192},
    conditions={"together": Condition(), "apart": Condition({"apart": 1.0})},
    control="apart",
    evaluations={"together": {"held_out": True}, "apart": {"held_out": True, "apart": 1.0}},
    rules={"ppo": make("ppo", learning_rate=0.002, gamma=0.97, lanes=64, steps=32, minibatches=8)},
    agent=MLP(hidden=(128, 64), layer_norm=True),
    steps=4_000_000,
    seeds=10,
    width=5,  # one batch for each of two cores
    points=5,
    episodes=256,
)
