"""When is it decided what a run will come to: before it begins, on the way, or never?

    rewardlab run path

Claim (Hebbar and Hubinger 2022; Turner 2022; in our words): training is path dependent. What is learned decides which data an
agent makes for itself, and so what it learns next; which of several goals wins hangs on what happens early, and is then held on
to. Rivals: the task and the prior fix it, so that all seeds end alike; the initial parameters fix it, so that all who share them
end alike; or nothing does, and runs that have long been one agree no more than strangers.

At a fork two roads lead to the same prize, in 5 steps; they look different, and which one is above changes by episode. So four
goals pay alike: the upper road, the lower, the one kind, the other kind. Runs of one rule are one run up to some share of
training, then part into four with random numbers of their own: 30 groups at each of seven times, the first of which shares the
initial parameters alone. What decides: of the variance of how runs end, the share between groups (one-way random effects), with
intervals by resampling groups. For the claim: less than half is decided by the initial parameters, more than half by what is
shared at 75 % of training, and the latter agree significantly more often. Against it: fixed by the task, by the initial
parameters, or open to the end. Controls: 120 independent seeds, in groups as if they had been one run, must share nothing; an
untrained network (all is decided at once); drift. Variants of a rule differ in how its data narrow: REINFORCE without its bonus
for entropy, PPO with smaller steps, and parallel Q that learns from random actions alone. Statistic: permutation tests over
groups (Holm).

Time: 11.4 minutes of CPU time, compilation and report included (11.8 minutes by the clock on 2 cores that others used, too).
Result: decided share of how runs end [95 % interval over 30 groups], by what they have in common when they part:

    rule                       initial      first    10 % of   25 %       50 %       75 % of         half is decided after
                               parameters   update   training                        training
    truncation                   8 % [-8-27]   26 %    74 %    100 %      100 %      100 %             6 % [4-9] of training
    REINFORCE, no bonus          9 % [-8-28]   14 %    34 %     60 %       88 %      100 %            19 % [9-31]
    PPO                         24 % [7-42]    41 %    39 %     57 %       67 %       84 % [72-94]    19 % [1-52]
    OpenAI-ES                    5 % [-8-21]    8 %    32 %     48 %       82 %       94 % [86-100]   26 % [9-39]
    PPO, slow                   53 % [34-72]   56 %    71 %     81 %       85 %       92 % [78-100]    0 % [0-7]
    REINFORCE                   10 % [-3-24]   -7 %     7 %      6 %       31 %       51 % [34-68]    73 % [56-81]
    parallel Q                   3 % [-8-13]   15 %     8 %      7 %       35 %       44 % [25-63]    77 % [50-83]
    parallel Q, random           5 % [-5-15]    7 %     8 %      7 %        5 %        4 % [-6-15]    86 % [85-88]
    guess-and-check (control)   -3 % [-11-7]   27 %    77 %    100 %      100 %      100 %             5 % [3-8]
    drift (control)              4 % [-4-12]    4 %     7 %      1 %        5 %       18 % [6-30]     84 % [81-85]
    untrained (control)        100 %          100 %   100 %    100 %      100 %      100 %             0 %

The goal is decided on the way by truncation selection, REINFORCE without a bonus, PPO and OpenAI-ES: path dependence, as claimed.
It is open to the end for parallel Q that learns from random actions, whose data do not depend on what it has learned; only 60 of
its 120 seeds are competent, just enough for a claim. The others give no clear answer: REINFORCE with its bonus and parallel Q
stay open for half of training at least, and slow PPO's goal is decided to 53 % before it begins. All of their seeds are competent
(of PPO, fast and slow, 119 of 120). Two independent seeds have the same goal in 25 to 41 % of pairs (parallel Q, random: 12 %),
so the task does not fix it. At 10 % of training runs of truncation selection agree more than those of REINFORCE (p = .004),
REINFORCE without a bonus (.047), parallel Q (.004, both variants) and OpenAI-ES (.029); those of PPO with small steps more than
REINFORCE's and both parallel Q's (.004). By when half is decided, the intervals of REINFORCE with and without its bonus lie
apart. With 44 comparisons, differences are found (power .8) that hold in 81 % of pairs.

Limits: one world, with four goals that pay exactly alike, which is where a path matters most; a greedy policy is read at the end,
so a rule whose policy stays mixed changes its goal by a hair. Shares of training are of 40,000 steps; who learns faster has more
of it left. Fork i of a group has the same random numbers whenever it parts. Settings were picked on other root seeds, for
competence.
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
