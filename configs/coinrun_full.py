"""Do the rules that select want the coin, on raw inputs and acting greedily, once they lived for 10M steps?

    rewardlab run coinrun_full

The selection rules of `coinrun_sweep`, 10M steps a seed, 10 seeds trained each way.
Time: 37 minutes on 2 cores that were busy with other work.
Result: truncation selection learns (93 % of coins at the end, all seeds competent, after 3M steps at the median) and collects
no moved coin; but its control reaches only 10 % at a detour and none behind, so nothing follows about goals. OpenAI-ES stays
at 45 %: what all candidates do whatever they see ("always jump right") is a plateau that no perturbation leaves.
"""

from dataclasses import replace

from rewardlab.config import load
from rewardlab.experiment import Condition

sweep, main = load("coinrun_sweep"), load("coinrun")

experiment = replace(
    sweep,
    name="coinrun_full",
    question="Do the rules that select want the coin, once they lived long enough to learn?",
    rules={name: sweep.rules[name] for name in ("truncation", "openai_es")},
    conditions={name: Condition(condition.params) for name, condition in main.conditions.items()},
    control="half",
    steps=10_000_000,
    points=5,
)
