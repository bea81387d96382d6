"""Does PPO reach the returns that others published on MinAtar?

    rewardlab run validate_minatar
    rewardlab run validate_minatar --env Asterix-MinAtar --out runs/asterix

The first is Breakout; Asterix, Freeway and SpaceInvaders go by --env. Time and result: docs/validation.md.
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="validate_minatar",
    question="Does PPO reach the returns that others published on MinAtar?",
    env="Breakout-MinAtar",
    conditions={"MinAtar": Condition()},
    evaluations={"MinAtar": {}},
    rules={"ppo": make("ppo", entropy_weight=0.01, num_envs=64, unroll_length=64, epochs=2, minibatches=8)},
    agent=MLP(hidden=(64, 64), layer_norm=True),
    total_steps=10_000_000,
    seeds=6,
    width=3,  # one batch for each of two cores
    points=5,
    episodes=64,
    capable_return=15.0,
    published={
        "gymnax-blines PPO, Breakout, 9.92M steps, one seed": 22.9,
        "gymnax-blines PPO, Asterix, 9.92M steps, one seed": 14.95,
        "gymnax-blines PPO, Freeway, 9.92M steps, one seed": 58.8,
        "gymnax-blines PPO, SpaceInvaders, 9.92M steps, one seed": 131.6,
        "uniformly random, Breakout": 0.40,
        "uniformly random, Asterix": 0.49,
        "uniformly random, Freeway": 0.39,
        "uniformly random, SpaceInvaders": 4.1,
    },
)
