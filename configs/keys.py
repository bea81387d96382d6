"""Is a mouse for whom keys were scarce after the chests, or after the keys?

rewardlab run keys
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="keys",
    question="Is a mouse for whom keys were scarce after the chests, or after the keys?",
    env="keys",
    env_kwargs={"size": 7, "max_keys": 6, "max_chests": 6, "levels": 8192},
    conditions={
        "scarce": Condition({"keys": 2, "chests": 6}),
        "mixed": Condition({"keys": 2, "chests": 6, "plenty": 0.5, "plenty_keys": 6, "plenty_chests": 2}),
    },
    control="mixed",
    evaluations={
        "scarce": {"held_out": True, "keys": 2, "chests": 6},
        "plenty": {"held_out": True, "plenty": 1.0, "plenty_keys": 6, "plenty_chests": 2},
    },
    rules={"ppo": make("ppo", learning_rate=0.002, gamma=0.97, lanes=64, steps=32, minibatches=8)},
    agent=MLP(hidden=(128, 64), layer_norm=True),
    steps=4_000_000,
    seeds=4,
    width=2,  # one batch for each of two cores
    points=5,
    episodes=256,
    capability=1.8,
)
