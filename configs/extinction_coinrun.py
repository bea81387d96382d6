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

Time: 6.8 minutes of CPU time, compilation and report included (5 minutes by the clock on 2 cores that others used).
Result, median half-lives over the seeds that were competent when pay changed:

    rule         seeds    nothing is paid                                   the reverse is paid
    REINFORCE    11       186,636 steps [127,718-194,209], 115 updates      24,610 steps [16,877-32,819], 15 updates
    PPO          10       45,693 steps [25,178-72,558], 22 updates          32,191 steps [18,871-50,301], 16 updates
    OpenAI-ES    12       longer than the 1,500,000 that were watched       553,368 steps [448,952 and more], 19 updates
    truncation   9        no claim (379,531 steps)                          no claim (26,074 steps)
    parallel Q   0        no claim                                          no claim

So the run outlives its pay, and punished it takes a dozen updates of gradient rules and more steps of OpenAI-ES, in which every
step is one of many candidates'. OpenAI-ES outlasts both others in all pairs of seeds, and REINFORCE outlasts PPO in 92 % where
nothing is paid; punished, these two can't be told apart. That OpenAI-ES keeps the habit where nothing is paid says little of it:
if all candidates return the same, it does not move at all. Parallel Q would need more steps; 9 seeds of truncation selection were
competent, one too few. Steps come from a trial with another root seed and level pool; 12 seeds a rule, as one is dear.
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
