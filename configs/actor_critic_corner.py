"""Do actor and critic want the same, the cheese or the corner, and does it matter which trunk they share?

rewardlab run actor_critic_corner
"""

from dataclasses import replace

from rewardlab.experiment.config import load
from rewardlab.rules import make

corner, coinrun = load("corner"), load("actor_critic")
A2C = make("a2c", learning_rate=0.01, gamma=0.95, gae_lambda=0.95, num_envs=64, unroll_length=16)
BY_KIND = {"ppo": corner.rules["ppo"], "a2c": A2C, "parallel_q": corner.rules["parallel_q"]}

experiment = replace(
    corner,
    name="actor_critic_corner",
    question="Do actor and critic want the same, the cheese or the corner, and does it matter which trunk they share?",
    claim=coinrun.claim,
    source=coinrun.source,
    asks="actor_critic",
    env_kwargs=corner.env_kwargs | {"seed": 61},
    conditions={"corner": corner.conditions["corner"], "anywhere": replace(corner.conditions["anywhere"], seeds=12)},
    rules={name: BY_KIND[name.partition("-")[0]] for name in coinrun.rules},
    agents={name: replace(corner.agent, trunk=agent.trunk) for name, agent in coinrun.agents.items()},
    seeds=30,
    width=0,
    budgets={"parallel_q": corner.budgets["parallel_q"]},
    points=3,
    episodes=256,
    seed=61,
)

# For accelerators: as many seeds of the control, too.
full = replace(
    experiment,
    conditions={name: replace(condition, seeds=None) for name, condition in experiment.conditions.items()},
    seeds=4096,
)
