"""Habit, update or percept: what ends behaviour when the biscuits end?

    rewardlab run extinction_percept

Claim (after Alex Turner 2022, "Reward is not the optimization target", in our words): reward shapes what an agent does and is
not what it is after, so a habit outlives the biscuits that shaped it, for as long as nobody updates it. To which we add: an
agent that sees its biscuits, and was selected for watching them, stops by itself, within a lifetime. Rival: who could see
reward throughout training stops when it does, whatever it was trained for; or nothing stops unless it is updated.

A lifetime is 50 pulls at a bandit of two arms. The first pays with p of .8 to 1, the second with 1 - p. Agents have a memory,
and the last reward and action are in view. Trained *certain*, the first arm stays best. Trained *watching*, the arms trade
places after 20 pulls in half of the lifetimes. All meet the same test, in which the first arm stays best, and go for it. Then,
from pull 20 on, reward is no longer in view, or its inverse is, all parameters frozen: behaviour that ends was held by
*percept*, that which goes on by *habit*. Or half-way through training updates are told that nothing is paid, or the reverse, and
the view stays as it is: *update*. What decides: the half-life of pulling the first arm, in steps lived. For the claim: competent
agents that had to watch stop while frozen, those that had not go on, significantly later. For the rival: both stop, or neither.
Controls: the same pulls where nothing changes; agents that had to watch count as competent only if they follow the arm that pays
when it moves; an untrained network. Statistic: medians with intervals of the sign test; a permutation test between kinds of
training for each rule, Holm-corrected.

Time: 7.0 minutes on 2 cores shared with other programs (9.1 of CPU time), compilation and report included.
Result, median half-lives of competent seeds [95 % interval], in steps lived:

    rule, trained                    competent   frozen, view stops    updates, nothing paid       updates, the reverse paid
    PPO, watching                    30 of 30    2.7 [2.6-2.7]         2,453 [1,700-38,594] (24)   1,165 [803-4,250] (24)
    PPO, certain                     30 of 30    > 30, all seeds       > 120,000, all seeds        78,105 [78,105-102,105]
    truncation selection, watching   10 of 16    2.7 [2.6-2.8]         66,112 (9 seeds)            6,203 (9 seeds)
    truncation selection, certain    16 of 16    > 30, all seeds       303,531 [89,825-912,686]    6,783 [6,512-38,625]
    REINFORCE, watching               0 of 30    no claim
    OpenAI-ES, watching               1 of 16    no claim

So of two agents that do the same, one stops within three pulls of seeing nothing, and the other goes on to the end of the
lifetime; no parameter of either has moved, and all pairs of seeds differ. Inverted, the view ends it as fast. An update is
slower by a factor of hundreds at least, and the habit of PPO, once nothing is paid, is not ended by 75 updates. REINFORCE and
OpenAI-ES did not learn to watch: 28 of 30 and 15 of 16 pull the first arm, come what may; their "certain" seeds all go on, too,
and outlast even the reverse. With 2 comparisons, differences are found (power .8) that hold in 73 % (PPO) and 86 % of pairs of
seeds.
Limits: 30 pulls are watched; the arms trade places in training just when the view stops in the test, so how long watching lasts at
other times was not asked; seeds of the selection rules are dear, so 16. Settings come from trials on another root seed, with fewer
exchanges and more steps, in which 3 of 3 seeds of REINFORCE did watch: more steps may be all that it lacks.
`--full`, 512 seeds a rule, was not run; `rewardlab preflight extinction_percept --full --chip v5e --slice 2x4 --quick` expects
86 s on 8 chips: a rough figure, for which nothing was compiled for that chip; compiling is not in it.
"""

from dataclasses import replace

from rewardlab.agents import GRU
from rewardlab.experiment import Budget, Condition, Experiment, Phase
from rewardlab.rules import make

PULLS, HALF = 50, 20
CHANGE = 0.5  # of the steps
SINCE = (0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)  # evaluations after it
WATCHING = {"low": 0.8, "switched": 0.5, "switch_at": HALF}
CERTAIN = {"low": 0.8}
STOPPED = {"decoupled": 1.0, "since": HALF}
GRADIENT = {"entropy_weight": 0.01, "gamma": 0.9, "gae_lambda": 0.8}
LITTER = {"candidates": 64, "num_envs": 512, "unroll_length": PULLS}
SILENT, REVERSED = (Phase(CHANGE, reward={}),), (Phase(CHANGE, reward={"reward": -1.0}),)

experiment = Experiment(
    name="extinction_percept",
    question="Habit, update or percept: what ends behaviour when the biscuits end?",
    claim="Reward shapes habits and is not what they aim at: a habit outlives its reward, where a planner for reward would stop.",
    source="after Alex Turner 2022, Reward is not the optimization target",
    asks="stopping",
    env="reward_in_view",
    env_kwargs={"world": "bandit", "pulls": PULLS},
    conditions={
        "watching": Condition(WATCHING),
        "watching_unpaid": Condition(WATCHING, phases=SILENT),
        "watching_reversed": Condition(WATCHING, phases=REVERSED),
        "certain": Condition(CERTAIN),
        "certain_unpaid": Condition(CERTAIN, phases=SILENT),
        "certain_reversed": Condition(CERTAIN, phases=REVERSED),
    },
    evaluations={
        "training": WATCHING,
        "steady": CERTAIN,
        "stopped": CERTAIN | STOPPED,
        "inverted": CERTAIN | STOPPED | {"gain": -1.0, "bias": 1.0},
    },
    rules={
        "ppo": make("ppo", learning_rate=0.002, num_envs=32, unroll_length=PULLS, epochs=4, minibatches=4, **GRADIENT),
        "reinforce": make("reinforce", learning_rate=0.003, num_envs=32, unroll_length=PULLS, gamma=0.9),
        "truncation": make("truncation", parents=8, mutation=0.05, **LITTER),
        "openai_es": make("openai_es", learning_rate=0.05, sigma=0.1, **LITTER),
        "fixed": make("fixed", num_envs=32, unroll_length=PULLS),
    },
    agent=GRU(units=16),
    agents={"truncation": GRU(units=16, head_scale=1.0)},
    total_steps=240_000,
    seeds=30,
    budgets={"truncation": Budget(2_000_000, 16), "openai_es": Budget(2_000_000, 16), "fixed": Budget(30_000, 10)},
    points_at=(0.25, CHANGE, *(CHANGE + share for share in SINCE)),
    episodes=64,
    capability=0.75,  # of the way from random pulls to the optimum
    seed=51,
)

# For accelerators: as many seeds of every rule.
full = replace(
    experiment,
    budgets={name: replace(budget, seeds=None) for name, budget in experiment.budgets.items()},
    seeds=512,
)
