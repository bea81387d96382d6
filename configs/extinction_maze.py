"""Does a way that was learned outlive the cheese at its end?

    rewardlab run extinction_maze

Claim, rival and what decides are those of `extinction_coinrun`; here the habit is a way of several steps. A mouse learns to run
to the corner of 5 x 5 mazes, where the cheese lies. Half-way through nothing is paid any more, or the reverse is paid; or all
goes on, which is the control. Capable is who has come 60 % of the way from a random policy's return to the optimum.

Time: 32 minutes on 2 cores that tests and other programs used, too (31 of CPU time; 15.7 of it in an earlier run, on quiet cores),
compilation and report included.
Result, median half-lives over the seeds that were competent when pay changed (all 30 of each of these):

    rule         nothing is paid                                       the reverse is paid
    REINFORCE    12,763 steps [7,045-16,902], 85 updates               2,624 steps [2,411-3,410], 22 updates
    PPO          71,660 steps [58,694-> 79,872], 35 updates            15,070 steps [14,101-17,845], 7.4 updates
    OpenAI-ES    longer than what was watched, 2M steps                72,013 steps [63,278-100,284], 12 updates

Parallel Q (10 of 30 seeds) and truncation selection (1) were not competent when pay changed, and get no claim: parallel Q's
exploration falls over 150 updates, of which it makes 39 until then. So here the habit does not outlive its pay under gradient
rules, as it does in `extinction`; why was not looked into: both have a bonus for entropy and a critic that has yet to unlearn
what it expects. Settings were picked by hand, for rules to learn.
`--full`, 256 seeds a rule, was not run; `rewardlab preflight extinction_maze --full --chip v5e --slice 2x4 --quick` expects 2
minutes on 8 chips: a rough figure, for which nothing was compiled for that chip; compiling is not in it.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Budget
from rewardlab.experiment.config import load
from rewardlab.rules import make

SHORT = {"max_steps_in_episode": 32}
GENERATION = {"candidates": 64, "episodes": 8, "num_envs": 512, "unroll_length": 128, "sampled": True}
tricks = load("extinction")

experiment = replace(
    tricks,
    name="extinction_maze",
    question="Does a way that was learned outlive the cheese at its end?",
    env="corner",
    env_kwargs={"size": 5, "levels": 32, "held_out": 16},
    conditions={name: replace(condition, params=SHORT) for name, condition in tricks.conditions.items()},
    evaluations={"mazes": SHORT},
    rules={
        "reinforce": make("reinforce", num_envs=16, unroll_length=128, learning_rate=0.01, gamma=0.95),
        "ppo": make("ppo", num_envs=64, unroll_length=32, learning_rate=0.003, gamma=0.95),
        "parallel_q": make("parallel_q", num_envs=64, unroll_length=32, learning_rate=0.002, gamma=0.95),
        "truncation": make("truncation", parents=16, mutation=0.05, gene_pool=True, **GENERATION),
        "openai_es": make("openai_es", learning_rate=0.05, sigma=0.2, **GENERATION),
        "fixed": make("fixed", num_envs=64, unroll_length=32),
    },
    agent=MLP(hidden=(32,), layer_norm=True, activation="tanh", inputs="standardised"),
    total_steps=160_000,
    seeds=30,
    budgets={name: Budget(total_steps=4_000_000) for name in ("truncation", "openai_es")},
    capability=0.6,
    seed=6,
)

# For accelerators: 7 x 7 mazes, four times as many steps, and as many seeds of every rule.
full = replace(
    experiment,
    env_kwargs={"size": 7, "levels": 32, "held_out": 16},
    total_steps=4 * experiment.total_steps,
    budgets={name: Budget(4 * (budget.total_steps or 0)) for name, budget in experiment.budgets.items()},
    seeds=256,
)
