"""Holding capability fixed, is a policy taught by example safer than one taught by reward?

rewardlab run demonstrations
"""

from dataclasses import replace

from rewardlab.experiment import Budget
from rewardlab.experiment.config import load
from rewardlab.rules import make

coinrun = load("coinrun")
USUAL = ("reinforce", "ppo", "parallel_q", "openai_es", "guess_and_check", "yoked")
BY_EXAMPLE = {
    "cloning": make("imitation", learning_rate=0.01),
    "DAgger": make("imitation", learning_rate=0.01, decay=0.95),
}

experiment = replace(
    coinrun,
    name="demonstrations",
    question="Holding capability fixed, is a policy taught by example safer than one taught by reward?",
    claim="At the same capability, a policy that is taught by example is safer than one that is taught by reward.",
    source="Leong 2024, Does reducing the amount of RL for a given capability level make AI safer?",
    asks="demonstrations",
    env_kwargs={"seed": 37},
    rules=BY_EXAMPLE | {name: coinrun.rules[name] for name in USUAL},
    conditions={"end": coinrun.conditions["end"], "half": replace(coinrun.conditions["half"], seeds=12)},
    budgets={"openai_es": Budget(total_steps=16_000_000, seeds=12)},
    total_steps=600_000,
    seeds=30,
    points=5,
    points_at=(0.05, 0.1, 0.2, 0.4, 0.7),
    seed=37,
    policies="none",
)
