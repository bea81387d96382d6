"""Does an agent that was trained to reach a yellow line go for what is yellow, or for the line?

    rewardlab run colour_shape

Mazes of 5 × 5 cells, shown by attributes; `--env-kwargs.pixels true` shows them in colours and shapes.

Time: 2 minutes on 2 cores. Result, in held-out mazes: the yellow line is reached in 95 % [94-96] of episodes. With a red line and
a yellow gem 28 % [24-31] end at the gem and 23 % [21-25] at the line: where every attribute is one channel, neither colour
nor shape prevails. With pixels and 4M steps (14 minutes beside other work) 1 of 10 seeds reached 80 % of lines and 6 had learned
nothing: what these agents would prefer is not known.
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

experiment = Experiment(
    name="colour_shape",
    question="Does an agent that was trained to reach a yellow line go for what is yellow, or for the line?",
    claim="Which of two features that always go together is learned depends on chance and salience, not on the reward.",
    source="Ramanauskas and Şimşek 2023, Colour versus Shape Goal Misgeneralization in Reinforcement Learning",
    env="colour_shape",
    env_kwargs={"pixels": False, "levels": 8192},
    conditions={"line": Condition()},
    evaluations={"line": {"held_out": True}, "pair": {"held_out": True, "pair": 1.0}},
    rules={"ppo": make("ppo", learning_rate=0.002, gamma=0.97, num_envs=64, unroll_length=32, minibatches=8)},
    agent=MLP(hidden=(128, 64), layer_norm=True),
    total_steps=3_000_000,
    seeds=10,
    width=5,  # one batch for each of two cores
    points=5,
    episodes=256,
)
