"""Does a way that was learned outlive the cheese at its end?

    rewardlab run extinction_maze

Claim and rival are those of `extinction_coinrun`; here the habit is a way of several steps. A mouse learns to run to the corner
of 5 x 5 mazes, where the cheese lies. Half-way through nothing is paid any more, or the reverse is paid; or all goes on, which
is the control. Capable is who has come 60 % of the way from a random policy's return to the optimum. What decides, and how, is
as there.

RESULT
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Budget
from rewardlab.experiment.config import load
from rewardlab.rules import make

SHORT = {"max_steps_in_episode": 32}
GENERATION = {
    "candidates": 64,
    "episodes": 8,
    "num_envs": 512,
    "unroll_length": 128,
    "sampled": True,
    "temperature": 0.3,
}
tricks = load("extinction")

conditions = {name: replace(condition, params=SHORT) for name, condition in tricks.conditions.items()}

experiment = replace(
    tricks,
    name="extinction_maze",
    question="Does a way that was learned outlive the cheese at its end?",
    env="corner",
    env_kwargs={"size": 5, "levels": 32, "held_out": 16},
    conditions=conditions | {"paid": replace(conditions["paid"], seeds=10)},
    evaluations={"mazes": SHORT},
    rules={
        "reinforce": make("reinforce", num_envs=16, unroll_length=128, learning_rate=0.01, gamma=0.95),
        "ppo": make("ppo", num_envs=64, unroll_length=32, learning_rate=0.003, gamma=0.95),
        "parallel_q": make("parallel_q", num_envs=64, unroll_length=32, learning_rate=0.003, gamma=0.95, anneal=20.0),
        "truncation": make("truncation", parents=16, mutation=0.1, gene_pool=True, **GENERATION),
        "openai_es": make("openai_es", learning_rate=0.05, sigma=0.2, **GENERATION),
        "fixed": make("fixed", num_envs=64, unroll_length=32),
    },
    agent=MLP(hidden=(32,), layer_norm=True, activation="tanh", inputs="standardised"),
    total_steps=160_000,
    seeds=30,
    budgets={
        "parallel_q": Budget(320_000),
        "truncation": Budget(4_000_000, 12),
        "openai_es": Budget(4_000_000, 12),
        "fixed": Budget(32_768, 10),
    },
    capability=0.6,
    seed=6,
)

# For accelerators: 7 x 7 mazes, and as many seeds of every rule.
full = replace(
    experiment,
    env_kwargs={"size": 7, "levels": 32, "held_out": 16},
    conditions=conditions,
    total_steps=4 * experiment.total_steps,
    budgets={name: Budget(4 * (budget.total_steps or 0)) for name, budget in experiment.budgets.items()},
    seeds=256,
)
