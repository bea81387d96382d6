"""Does an agent that was trained to reach a yellow line go for what is yellow, or for the line?

rewardlab run colour_shape
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="colour_shape",
    question="Does an agent that was trained to reach a yellow line go for what is yellow, or for the line?",
    env="colour_shape",
    env_kwargs={"levels": 8192},
    conditions={"line": Condition()},
    evaluations={"line": {"held_out": True}, "pair": {"held_out": True, "pair": 1.0}},
    rules={"ppo": make("ppo", learning_rate=0.002, gamma=0.97, lanes=64, steps=32, minibatches=8)},
    agent=MLP(hidden=(128, 64), layer_norm=True),
    steps=4_000_000,
    seeds=10,
    width=5,
    points=5,
    episodes=256,
)
