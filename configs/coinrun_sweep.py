"""How many training levels must have the coin moved for an agent to go for the coin, by update rule and by network?

    rewardlab run coinrun_sweep
    rewardlab run coinrun_sweep --small
    rewardlab run coinrun_sweep --full

Five rules, each with three networks (linear, one hidden layer of 16, one of 64), under eight shares of moved levels, from none
to all; half of the moved coins at a detour, half behind the start. `--small` has two rules, two networks and four shares;
`--full` is for an accelerator. Settings are those of the main job for every network and every share, and so are the steps, but for
OpenAI-ES and truncation selection, which live .375 times as many in `--small`, and 2.5 times in `--full`: nothing was tuned
here. The level pool and the root seed are this question's own.

Time: 100 minutes on 2 cores shared with other programs, 5.2e9 steps in all; `--small` 20 minutes of CPU time; `--full` was
not run.
Result: at the end of training OpenAI-ES reaches none of the moved coins with a hidden layer of 16 until more than a tenth of the
levels have theirs moved (half doses 28 % at a detour and 32 % behind, PPO's 5.5 % and 2.0 %), while with a linear network the two
are closer (13 % and 1.6 %, PPO's 6.6 % and 4.1 %). The gap is wider with 16 than with none by a factor of 2.7 [1.8-4.1] at a detour
and 32 [17-64] behind, with 64 by 1.8 [1.2-2.7] and 19 [10-37], all p <= .005. At matched capability none of these factors is told
apart from 1: 1.2 [0.67-2.0], 5.6 [0.43-74], 1.4 [0.91-2.2], 3.0 [0.25-36].
"""

from dataclasses import replace

from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.experiment.config import load

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
NETWORKS = {"linear": (), "16": (16,), "64": (64,)}
RULES = ("reinforce", "ppo", "parallel_q", "openai_es", "truncation")
main = load("coinrun")


def doses(shares):
    """Ways of training, by the share of levels whose coin is moved."""
    return {f"p{round(100 * share)}": Condition({"moved": share, "behind": 0.5}) for share in shares}


def sweep(rules, networks, shares, steps=1.0, **sizes) -> Experiment:
    """Every rule with every network under every share; OpenAI-ES and truncation live `steps` times what the main job gives them."""
    entries = {f"{rule}-{network}": (rule, NETWORKS[network]) for network in networks for rule in rules}
    own = {name: (rule, hidden) for name, (rule, hidden) in entries.items() if hidden != main.agent.hidden}
    longer = {name: rule for name, (rule, _) in entries.items() if rule in main.budgets}
    return replace(
        main,
        name="coinrun_sweep",
        question="How many training levels must have the coin moved for an agent to go for the coin?",
        env_kwargs={"seed": 17},
        conditions=doses(shares),
        control="p50",
        rules={name: main.rules[rule] for name, (rule, _) in entries.items()},
        agents={name: replace(main.agent, hidden=hidden) for name, (_, hidden) in own.items()},
        budgets={name: Budget(round(steps * main.budgets[rule].total_steps)) for name, rule in longer.items()},
        seed=17,
        **sizes,
    )


experiment = sweep(RULES, NETWORKS, SHARES, points=8, seeds=10, width=5)
small = sweep(("ppo", "openai_es"), ("linear", "16"), (0.0, 0.05, 0.25, 0.5), steps=0.375, points=4, seeds=10, width=5)
full = sweep(RULES, NETWORKS, SHARES, steps=2.5, points=16, seeds=128, width=0)
