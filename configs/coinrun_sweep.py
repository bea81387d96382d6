"""How many training levels must have the coin moved for an agent to go for the coin, by update rule and by network?

    rewardlab run coinrun_sweep
    rewardlab run coinrun_sweep --small

Five rules, each with three networks (linear, one hidden layer of 16, one of 64), under eight shares of moved levels, from none
to all; half of the moved coins at a detour, half behind the start. Settings and steps are those of the main job for every
network and every share: nothing was tuned here. The level pool and the root seed are this question's own.
"""

from dataclasses import replace

from rewardlab.config import load
from rewardlab.experiment import Budget, Condition

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
NETWORKS = {"linear": (), "16": (16,), "64": (64,)}
main = load("coinrun")
RULES = ("reinforce", "ppo", "parallel_q", "openai_es", "truncation")
entries = {f"{rule}-{network}": (rule, hidden) for network, hidden in NETWORKS.items() for rule in RULES}

experiment = replace(
    main,
    name="coinrun_sweep",
    question="How many training levels must have the coin moved for an agent to go for the coin?",
    env_kwargs={"seed": 17},
    conditions={f"p{round(100 * share)}": Condition({"moved": share, "behind": 0.5}) for share in SHARES},
    control="p50",
    rules={name: main.rules[rule] for name, (rule, _) in entries.items()},
    agents={name: replace(main.agent, hidden=hidden) for name, (_, hidden) in entries.items() if hidden != (16,)},
    budgets={name: Budget(main.budgets[rule].steps) for name, (rule, _) in entries.items() if rule in main.budgets},
    points=8,
    seeds=10,
    width=5,
    seed=17,
)
