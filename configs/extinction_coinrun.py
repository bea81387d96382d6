"""Does the run to the coin outlive what the coin pays?

rewardlab run extinction_coinrun
"""

from dataclasses import replace

from rewardlab.experiment import Budget
from rewardlab.experiment.config import load

SINCE = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
coinrun, tricks = load("coinrun"), load("extinction")
paid = tricks.conditions["paid"]

experiment = replace(
    coinrun,
    name="extinction_coinrun",
    question="Does the run to the coin outlive what the coin pays?",
    asks="extinction",
    env_kwargs={"seed": 41},
    conditions=tricks.conditions | {"paid": replace(paid, seeds=10)},
    control=None,
    evaluations={"levels": {}},
    rules={name: rule for name, rule in coinrun.rules.items() if name != "guess_and_check"},
    total_steps=600_000,
    seeds=30,
    budgets={"truncation": Budget(6_000_000, 10), "openai_es": Budget(6_000_000, 10), "yoked": Budget(seeds=10)},
    points_at=(0.25, 0.5, *(0.5 + share for share in SINCE)),
    seed=41,
)
