"""Do the rules that select want the coin, once they lived ten times as long, so that they learn and their control can?

    rewardlab run coinrun_full

The selection rules of `coinrun` alone, 10M steps a seed instead of 0.9M, 10 seeds trained each way.
Time and result: not measured yet.
"""

from dataclasses import replace

from rewardlab.config import load
from rewardlab.experiment import Condition

main = load("coinrun")

experiment = replace(
    main,
    name="coinrun_full",
    question="Do the rules that select want the coin, once they lived long enough to learn?",
    rules={name: main.rules[name] for name in ("truncation", "openai_es")},
    conditions={name: Condition(condition.params) for name, condition in main.conditions.items()},
    steps=10_000_000,
    seeds=10,
    points=5,
)
