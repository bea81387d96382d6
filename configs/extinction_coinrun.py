"""Does the run to the coin outlive what the coin pays?

    rewardlab run extinction_coinrun

Claim (Sam Ringer 2022, "Models Don't 'Get Reward'", in our words): reward shapes behaviour and is not its aim, so behaviour
outlives it, and ends only by further updates. Rival: an agent that is after reward stops as soon as its acts are no longer paid.
`extinction` asks it of one trick on one command; here the habit is a run of some twenty steps through levels that training
knows, to the coin at their end. Half-way through the coin stops paying, or its touch costs what it paid; or all goes on, which
is the control.

What decides: the half-life of reaching the coin, on the way down to an untrained network, in steps and in updates. For the
claim: half-lives of many updates, or longer than what was watched. For the rival: less than an update. Controls: pay goes on,
and an untrained network. Statistic: medians with intervals of the sign test; pairs of rules by permutation tests, Holm-
corrected. Settings are those of `coinrun`, with other steps; capable is who has come 80 % of the way from a random policy to the
optimum.

Time: not known as a whole. A run was stopped after 15 minutes on 2 cores shared with other programs (4.8 of CPU time), when
REINFORCE, PPO and parallel Q were done, and a third of truncation selection. What follows is of the seeds of these three rules.
Result, median half-lives over the seeds that were competent when pay changed (12 of 12 of PPO, 10 of 12 of REINFORCE):

    rule         nothing is paid                                     the reverse is paid
    REINFORCE    173,696 steps [116,871-187,712], 108 updates        22,647 steps [17,205-25,427], 14 updates
    PPO          60,226 steps [29,696-104,448], 29 updates           24,842 steps [13,964-33,792], 12 updates

So the run outlives its pay by dozens of updates, and ends at last; punished, it takes a dozen. REINFORCE outlasts PPO in 82 % of
pairs of seeds where nothing is paid. Parallel Q (0 of 12 seeds) was not competent when pay changed, nor were most seeds at the end:
it would need more steps. Of the selection rules nothing is known here yet. Steps come from a trial with another root seed and level
pool; 12 seeds a rule, as one is dear.
"""

from dataclasses import replace

from rewardlab.experiment import Budget
from rewardlab.experiment.config import load

SINCE = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)  # evaluations after pay changes
coinrun, tricks = load("coinrun"), load("extinction")

experiment = replace(
    coinrun,
    name="extinction_coinrun",
    question="Does the run to the coin outlive what the coin pays?",
    claim="Reward shapes habits and is not what they aim at: a habit outlives its reward, where a planner for reward would stop.",
    source='after Sam Ringer 2022, Models Don\'t "Get Reward"',
    asks="extinction",
    env_kwargs={"seed": 41},
    conditions=tricks.conditions,
    control=None,
    evaluations={"levels": {}},
    rules={name: coinrun.rules[name] for name in ("reinforce", "ppo", "parallel_q", "truncation", "openai_es")},
    total_steps=600_000,
    seeds=12,  # one is dear
    budgets={"ppo": Budget(300_000), "truncation": Budget(5_000_000), "openai_es": Budget(3_000_000)},
    points_at=(0.25, 0.5, *(0.5 + share for share in SINCE)),
    episodes=64,
    seed=41,
)

# For accelerators.
full = replace(experiment, seeds=1024)
