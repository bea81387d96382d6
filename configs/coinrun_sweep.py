"""How many training levels must have the coin moved for an agent to go for the coin, and does the update rule matter?

    rewardlab run coinrun_sweep

Every rule under eight shares of moved levels, from none to all; half of the moved coins at a detour, half behind.

The agent sees raw inputs through a relu network, and the selection rules act greedily, as the main job's once did: with so few
steps they learn little. Time: 9 minutes on 2 cores that were busy with other work.
Result: half of the coins at a detour are reached from 25 % moved levels on by PPO, 50 % by parallel Q, by REINFORCE at no share; half
of those behind from 5 % on by parallel Q, 25 % by PPO, 50 % by REINFORCE, 100 % by truncation selection.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.config import load
from rewardlab.experiment import Condition
from rewardlab.rules import make
from rewardlab.tuned import settings

TUNED = settings("coinrun_sweep")
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
main = load("coinrun")
GREEDY = {
    "truncation": make("truncation", candidates=64, parents=8, lanes=512, steps=64, **TUNED["truncation"]),
    "openai_es": make("openai_es", candidates=64, lanes=512, steps=64, **TUNED["openai_es"]),
}

experiment = replace(
    main,
    name="coinrun_sweep",
    question="How many training levels must have the coin moved for an agent to go for the coin?",
    env_kwargs={},
    conditions={f"p{round(100 * share)}": Condition({"moved": share, "behind": 0.5}) for share in SHARES},
    control="p50",
    rules=main.rules | GREEDY,
    agent=MLP(hidden=(16,), layer_norm=True, head_scale=0.5),
    steps=400_000,
    seeds=10,
    budgets={},
    points=1,
    seed=0,
)
