"""Does a habit outlive the biscuits that shaped it, and does it matter how the biscuits shaped it?

    rewardlab run extinction

A dog learns which of six tricks goes with which of six commands. Half-way through, nothing is paid any more, or the reverse of what
was paid; or all goes on, which is the control. An untrained network and yoked reward show what there is without reward's
information.

Time: 3.7 minutes on 2 cores shared with other programs (2.7 of CPU time), compilation and report included.
Result, median half-lives over the seeds that were competent when pay changed (all 32; truncation selection 25, OpenAI-ES 31):

    rule                    nothing is paid                          the reverse is paid
    parallel Q              471 steps [360-664], 1.8 updates         273 steps [263-280], 1.1 updates
    truncation selection    2,063 steps [1,553-3,889], 2 updates     679 steps [658-812], less than an update
    PPO                     longer than the 100,000 watched          5,687 steps [4,869-7,939], 22 updates
    REINFORCE               longer                                   23,105 steps [19,352-25,153], 90 updates
    OpenAI-ES               longer                                   35,913 steps [31,826-42,523], 35 updates
    REINFORCE, no critic    longer                                   50,024 steps [47,804-50,455], 195 updates

Where nothing is paid, a rule that follows a slope has none, and the habit stays; only PPO's bonus for entropy wears it down by
a third. What acts on a prediction of reward stops as soon as it predicts none, and what is bred without selection drifts.
Sizes and step sizes were picked by hand, for all rules to learn; a half-life goes with them.
`--full`, 2,048 seeds a rule, was not run; `rewardlab preflight extinction --full --chip v5e --slice 2x4 --quick` expects 23 s
on 8 chips: a rough figure, for which nothing was compiled for that chip; compiling is not in it.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Experiment
from rewardlab.experiment.conditions import Condition, Phase
from rewardlab.rules import make

CHANGE = 0.5  # of the steps
SINCE = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)  # evaluations after it
LITTER = {"candidates": 32, "num_envs": 128, "unroll_length": 8}
REINFORCE = make("reinforce", num_envs=64, unroll_length=4, learning_rate=0.01)

experiment = Experiment(
    name="extinction",
    question="Does a habit outlive the biscuits that shaped it?",
    claim="Reward shapes habits and is not what they aim at: a habit outlives its reward, where a planner for reward would stop.",
    source="after Alex Turner 2022, Reward is not the optimization target",
    asks="extinction",
    env="tricks",
    conditions={
        "paid": Condition(),
        "silent": Condition(phases=(Phase(CHANGE, reward={}),)),
        "reversed": Condition(phases=(Phase(CHANGE, reward={"reward": -1.0}),)),
    },
    evaluations={"commands": {}},
    rules={
        "reinforce": REINFORCE,
        "reinforce-no_critic": make(
            "reinforce", baseline=False, entropy_weight=0.0, num_envs=64, unroll_length=4, learning_rate=0.01
        ),
        "ppo": make("ppo", num_envs=64, unroll_length=4, learning_rate=0.003),
        "parallel_q": make("parallel_q", num_envs=64, unroll_length=4, learning_rate=0.003),
        "truncation": make("truncation", parents=8, mutation=0.1, **LITTER),
        "openai_es": make("openai_es", learning_rate=0.05, sigma=0.2, **LITTER),
        "fixed": make("fixed", num_envs=64, unroll_length=4),
        "yoked": make("yoked", rule=REINFORCE),
    },
    agent=MLP(hidden=(16,)),
    total_steps=200_000,
    seeds=32,
    points_at=(0.125, 0.25, 0.375, CHANGE, *(CHANGE + share for share in SINCE)),
    episodes=128,
    seed=5,
)

# For accelerators: more seeds.
full = replace(experiment, seeds=2048)
