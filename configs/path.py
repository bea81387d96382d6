"""When is it decided what a run will come to: before it begins, on the way, or never?

    rewardlab run path

Claim (Vivek Hebbar and Evan Hubinger 2022, "Path dependence in ML inductive biases"; in our words): which of several goals is
learned hangs on what happens to happen early in training, as learning makes its own data. Rival: the task and the prior decide, so
that runs which part end no more alike than independent ones; or all is in the initial parameters.

Two roads of equal pay lead around an obstacle, on either side of which the goal may lie, so that there are several ways of ending
alike. A run is one run up to some share of training and then parts into four, each with random numbers of its own: at nothing but
the initial parameters, after the first update, at 5, 10, 25, 50 and 75 %. What decides: the share of the variance of how runs end
that lies between groups (one-way random effects), and how often two runs of a group end with the same goal. For the claim: clearly
more for runs that part late than for those that share the initial parameters alone. Against it: no more (*decided by the initial
parameters*), or little at any time (*open to the end*). Control: independent seeds in groups, whose share has to be 0;
guess-and-check, drift and an untrained network. Statistic: means with intervals by resampling groups, permutation tests (Holm).

Time: 11.4 minutes of CPU time, 11.8 by the clock on 2 cores that others used, compilation and report included.
Result, decided share of the variance by what runs have in common, in 30 groups of 4, and when half is decided [95 % interval]:

    rule                     initial parameters     first update   10 %   25 %   50 %   75 %    half by
    truncation                8 % [-8-27]           26 %           74 %   100 %  100 %  100 %    6 % [4-9]
    REINFORCE, no bonus       9 % [-8-28]           14 %           34 %   60 %   88 %   100 %   19 % [9-32]
    PPO                      24 % [7-42]            41 %           39 %   57 %   67 %   84 %    19 % [1-54]
    OpenAI-ES                 6 % [-8-21]            8 %           32 %   48 %   82 %   94 %    27 % [9-40]
    PPO, slow                53 % [34-72]           56 %           71 %   81 %   85 %   92 %     0 % [0-7]
    REINFORCE                10 % [-3-24]           -7 %            7 %    6 %   31 %   51 %    74 % [57-81]
    parallel Q                3 % [-8-13]           15 %            8 %    7 %   35 %   44 %    100 % [51-100]
    parallel Q, random        5 % [-5-15]            7 %            8 %    7 %    5 %    4 %    100 %
    guess-and-check          -3 %                   27 %           77 %   100 %  100 %  100 %    5 % [3-8]

Decided on the way: truncation selection first, after 6 % of training, then REINFORCE without a bonus for entropy, PPO and
OpenAI-ES. A bonus for entropy keeps REINFORCE open for most of training. A slow PPO has half decided by its initial parameters.
Parallel Q that acts at random throughout makes no data of its own, and nothing is decided until the last update: what the claim
says should be the reason. Of REINFORCE, slow PPO and parallel Q no one answer is clear by the bars set beforehand.
Guess-and-check, which learns nothing, is decided as early as truncation selection: to settle early is no sign of learning.

Limits: groups of four; `full` has 32 runs a group. One small world; how soon it is decided depends on step sizes, mutation and
bonuses, which were picked by hand on another root seed.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment, Phase
from rewardlab.rules import make

STEPS = 10  # twice the fewest
TOTAL = 40_000
ALIKE = {"ridge_width": 1, "plain_width": 1, "ridge_loss": 0.5, "plain_loss": 0.5}  # the two roads
EITHER = ALIKE | {"swapped": 0.5}
PARTED = {"initial": 0.0, "first": 1 / TOTAL, "p5": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75}
BATCH = {"num_envs": 64, "unroll_length": STEPS}
LITTER = {"candidates": 64, "num_envs": 128, "unroll_length": STEPS}


def runs(forks: int) -> dict[str, Condition]:
    """Independent seeds; and runs that part into so many, by the share of training that they had in common."""
    parted = {name: Condition(EITHER, phases=(Phase(start, forks=forks),)) for name, start in PARTED.items()}
    return {"apart": Condition(EITHER)} | parted


experiment = Experiment(
    name="path",
    question="When is it decided what a run will come to: before it begins, on the way, or never?",
    claim="Training is path dependent: which of several goals is learned hangs on what happens to happen early on.",
    source="Hebbar and Hubinger 2022, Path dependence in ML inductive biases",
    asks="path",
    env="ridge",
    env_kwargs={"length": 4, "rows": 1},
    conditions=runs(4),
    evaluations={"either": EITHER, "above": ALIKE, "below": ALIKE | {"swapped": 1.0}},
    rules={
        "reinforce": make("reinforce", learning_rate=0.03, **BATCH),
        "reinforce-no_bonus": make("reinforce", learning_rate=0.03, entropy_weight=0.0, **BATCH),
        "ppo": make("ppo", learning_rate=0.01, minibatches=1, **BATCH),
        "ppo-slow": make("ppo", learning_rate=0.003, minibatches=1, **BATCH),
        "parallel_q": make("parallel_q", learning_rate=0.001, anneal=40.0, **BATCH),
        "parallel_q-random": make("parallel_q", learning_rate=0.001, epsilon=1.0, **BATCH),
        "truncation": make("truncation", parents=16, mutation=0.1, **LITTER),
        "openai_es": make("openai_es", learning_rate=0.03, sigma=0.3, **LITTER),
        "guess_and_check": make("guess_and_check", bar=0.95, share=1.0, **LITTER),
        "drift": make("drift", parents=16, mutation=0.1, **LITTER),
        "untrained": make("fixed", **BATCH),
    },
    agent=MLP(hidden=(32,), activation="tanh"),
    total_steps=TOTAL,
    seeds=120,
    points=4,
    episodes=16,
    width=60,
    seed=43,
    policies="none",
)

# For accelerators: as many forks as the curve can do with.
full = replace(experiment, conditions=runs(32), seeds=1024, width=0)
