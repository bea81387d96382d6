"""How far can a learned reward be optimised before true return falls?

    rewardlab run learned_reward

Claim (Gao, Schulman and Hilton 2023, in our words): a reward model trained on comparisons is one more proxy. Optimised hard enough,
by training or by choosing the best of n, it goes on rising while the true return that it stands for falls. Rival: a model that is
right where it matters can be optimised as far as one likes.

Work at the task pays 1 a step; it is 3 cells from the start, and 21 can be had in 24 steps. Each seed has models of its own, fitted
to 16, 64, 256 or 1,024 comparisons of episodes with random actions; half of them are between episodes of unlike worth, and a
quarter of these goes the wrong way. Nobody is paid the true reward but the main condition, a control. The other control: a model of
1,024 comparisons that went either way by chance. One condition begins with 64 comparisons and has 64 more of what is then done at
each quarter of training, 256 in all.
What decides: the fall of true return in what training lives, from each seed's peak to the end, against that under the true reward
in the same seed, while what the model says still rises. For the claim: it falls significantly more. Against it: not with any
number.
Beside it: whether more comparisons lessen it; and true return at equal modelled return, of rules and of best of n (n up to 512).
Statistic: means over 30 seeds, by flips of signs of differences in pairs of seeds, Holm-corrected over 71 comparisons.

Time: 13.6 minutes of CPU time, compilation and report included (20 minutes by the clock on 2 cores that others used, too).
Result, means over 30 seeds [95 % interval]: fall of true return from its peak, and where it ends, of 21; last, at 16 comparisons,
how many seeds end with less than 1, and what the model says at the end, in spreads of what it says of random episodes, which are
worth .9:

    rule             16 comparisons: falls by, to       64: falls by, to                1,024: to          16: below 1   says
    REINFORCE        2.3 [1.6-3.1]   3.0 [.7-5.7]       1.6 [.4-3.2]   14.5 [10.7-17.8]  20.7               24            6.4
    PPO              1.5 [.8-2.3]    3.5 [.7-6.3]       1.6 [.3-3.3]   14.0 [9.8-17.5]   21.0               25            6.4
    parallel Q       1.4 [1.0-2.0]   2.6 [.7-5.1]       1.4 [.6-2.6]    8.0 [4.7-11.4]   18.6               25            6.3
    OpenAI-ES         .3 [.2-.4]      .7 [.0-2.0]        .3 [.2-.4]     3.5 [.8-6.7]     13.8 [9.7-17.3]    29            5.5
    truncation        .3 [.0-.6]     1.3 [.4-2.6]       1.3 [.5-2.3]    4.1 [2.5-5.7]     9.0 [8.7-9.3]     25            3.3
    best of 512       .5 [.3-.7]     2.7 [1.7-3.8]       .8 [.5-1.1]    4.1 [3.0-5.3]     9.2               -             3.2

With 16 comparisons REINFORCE, PPO, parallel Q and OpenAI-ES over-optimise; with 64, PPO, parallel Q and OpenAI-ES (REINFORCE: p =
.07); with 256, OpenAI-ES alone, by .1; with 1,024 nobody. The falls are small beside what is missed. Of seeds that end below 1 with
16, those of REINFORCE first rise from 1.0 to 2.6 and those of parallel Q from .9 to 1.8; those of PPO and OpenAI-ES hardly rise at
all before. REINFORCE and PPO come to 20 with 256 comparisons, and with 1,024 to all that the true reward leads to. Truncation
selection, many of whose mutants do not work (8.8 with the true reward), does not fall clearly, but ends lower with 16 and 64.
OpenAI-ES needs the most: with 1,024 it ends at 13.8 in place of 20.7, and 10 of 30 seeds below 1, without any clear fall.
Fitted anew, models of 64 comparisons lead to 15.6 in place of 8.0 (parallel Q) and 8.9 in place of 4.1 (truncation), neither
clearly more nor less than 256 at once; REINFORCE comes to 19.8 in place of 14.5 (p = .07), PPO to 14.7 in place of 14.0.
Selection against gradient, at the same modelled return, as far as both come: REINFORCE is worth 1.1 [.6-1.8] more than best of n,
OpenAI-ES 2.3 [1.6-2.9] less, PPO .9 (p = .07), parallel Q .4 and truncation -.4 do not differ clearly.

Limits: one corridor of 9 cells, in which models are linear in what is seen and done and could be right; what is wrong with them is
too few comparisons. The episodes that are compared are not counted as steps. Divergence from the initial policy is told of best of
n alone (5.2 nats at 512), whose peaks are found and measured in the same episodes, so that its falls are told too large.
Differences are found (power .8) that hold in 89 % of pairs of seeds.
Start, distance, noise and learning rates were chosen on 8 seeds of another root seed and another pool of comparisons.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment, Phase
from rewardlab.rules import make

STEPS = 24  # of an episode
START = 3  # cells from the task, where honest work is worth 21
NUMBERS = (16, 64, 256, 1024)  # of comparisons
LITTER = {"candidates": 64, "num_envs": 64, "unroll_length": STEPS}
MODELS = {
    "true_reward": {},
    **{f"{number}_comparisons": {"compared": number} for number in NUMBERS},
    "shuffled": {"compared": NUMBERS[-1], "shuffled": 1.0},
}
REFITS = tuple(Phase(share) for share in (0.25, 0.5, 0.75))  # each with 64 comparisons more, so 256 in all
CONDITIONS = {name: Condition(params) for name, params in MODELS.items()}
CONDITIONS |= {"refitted": Condition({"compared": 64}, phases=REFITS)}
WORLD = {
    "world": "lever",
    "length": 9,
    "steps": STEPS,
    "distance": 8,
    "start": START,
    "noise": 2.0,
    "fresh": 64,
    "refits": 3,
}

experiment = Experiment(
    name="learned_reward",
    question="How far can a learned reward be optimised before true return falls?",
    claim="Learned rewards are proxies: whoever optimises one hard enough finds its errors.",
    source="Gao, Schulman and Hilton 2023, Scaling Laws for Reward Model Overoptimization",
    asks="learned_reward",
    env="learned_reward",
    env_kwargs=WORLD | {"numbers": NUMBERS, "seed": 261},
    conditions=CONDITIONS,
    control="true_reward",
    evaluations=MODELS,
    rules={
        "reinforce": make("reinforce", num_envs=32, unroll_length=STEPS, learning_rate=0.003),
        "ppo": make("ppo", num_envs=32, unroll_length=STEPS, learning_rate=0.001),
        "parallel_q": make("parallel_q", num_envs=32, unroll_length=STEPS, learning_rate=0.003, epsilon=0.1),
        "openai_es": make("openai_es", learning_rate=0.03, sigma=0.5, **LITTER),
        "truncation": make("truncation", parents=16, mutation=0.1, **LITTER),
        "guess_and_check": make("guess_and_check", bar=3.0, share=1.0, **LITTER),
    },
    agent=MLP(hidden=(16,)),
    total_steps=300_000,
    points=10,
    seeds=30,
    episodes=1,  # greedy policies in a world without chance: all episodes are alike
    capable_return=0.8 * (STEPS - START),  # of honest work
    seed=261,
    policies="none",
)

# Some minutes on a laptop.
small = replace(experiment, seeds=10, total_steps=100_000)

# For accelerators: more seeds, and models of more comparisons.
MANY = {name: params for name, params in MODELS.items() if "shuffled" not in params}
MANY |= {"4096_comparisons": {"compared": 4096}, "shuffled": {"compared": 4096, "shuffled": 1.0}}
full = replace(
    experiment,
    env_kwargs=experiment.env_kwargs | {"numbers": (*NUMBERS, 4096)},
    conditions={name: Condition(params) for name, params in MANY.items()} | {"refitted": CONDITIONS["refitted"]},
    evaluations=MANY,
    total_steps=1_200_000,
    seeds=256,
)
