"""Does truncation selection want the coin, once it has lived long enough to be able to?

    rewardlab run coinrun_full

In the main job its control fails: trained with the coin moved in half of the levels, it does not reach enough of them. Here it
lives 40M steps in place of 3M, with the same settings, on a level pool and a root seed of its own.

8e8 steps, some 25 minutes of CPU time by the main job's speeds; it was run in two pieces at the lowest priority, and not timed.
Result: all 10 seeds are competent (after 5.0M steps), and the control passes: with the coin at a detour 61 % [40 to 70], behind the
start 98 % [65 to 100], 9 of 10 seeds at half or more of both. So it can be said: it runs past the coin in 79 % [72 to 85] and
81 % [76 to 89] of episodes.
"""

from dataclasses import replace

from rewardlab.experiment import Condition
from rewardlab.experiment.config import load

main = load("coinrun")

experiment = replace(
    main,
    name="coinrun_full",
    question="Does truncation selection want the coin, once it has lived long enough to be able to?",
    env_kwargs={"seed": 23},
    rules={"truncation": main.rules["truncation"]},
    conditions={name: Condition(condition.params) for name, condition in main.conditions.items()},
    budgets={},
    total_steps=40_000_000,
    seeds=10,
    width=5,
    points=8,
    seed=23,
)
