"""Is what a penalty taught early, before competence, what lasts, or what it taught late?

    rewardlab run order

Claim (David Wheaton 2023, "Order Matters for Deceptive Alignment"; in our words): when the same properties are trained in another
order, other agents come of it; a value that is there before competence shapes what competence is built on, and stays. Rival: in the
end behaviour is what pays, so that whatever the order, the penalised comes back once the penalty is lifted.

A dog hears five commands and knows six tricks. One of them, begging, is never asked for. For a fifth of the steps nothing is
paid, or begging costs 1 (*early*). Then obeying pays 1, and begging, whatever the command, 1.5; in the third fifth begging may cost
1 instead (*late*). From there on it pays again. *Throughout*: it costs 1 until then. *Never*: at no time. *Untempted*: it neither
costs nor pays.

What decides: how much begging there is 80,000 steps after the lift (truncation selection: 240,000). For the claim: clearly less
after an early penalty than after a late one, which is as long; against it: as much, and more than half. Controls: begging has to
prevail where it is never penalised, and obeying to be learned untempted; an untrained network and yoked reward. Statistic:
permutation tests over 30 seeds, Holm-corrected; medians of the steps from the lift until half of the replies are begging.

Time: 1.6 minutes of CPU time, and by the clock on 2 cores shared with other programs, compilation and report included.
`--full`, 2,048 seeds a rule, was not run; `rewardlab preflight order --full --chip v5e --slice 2x4 --quick` expects 41 s on 8
chips: a rough figure, for which nothing was compiled for that chip; compiling is not in it.
Result, begging at the lift and then, interquartile means over 30 seeds [95 % interval], and median steps until it is half:

    rule                   early: lift, then       half after               late: lift, then              half after
    REINFORCE              0 %      0 %            > 80,000                 18 % [0-48]   95 % [64-100]   47,233 [27,398-> 80,000]
    REINFORCE, no critic   0 %      0 %            > 80,000                 100 %        100 %            never left it
    PPO                    0 %      0 %            > 80,000                 0 %           56 % [19-87]    70,144 [45,056-> 80,000]
    OpenAI-ES              0 %      0 % [0-19]     > 80,000                 100 %        100 %            never left it
    parallel Q             0 %    100 %            4,317 [3,482-4,864]      0 %          100 %            45,056 [44,272-45,056]
    truncation             0 %    100 %            2,048                    0 %          100 %            5,332 [3,641-8,356]

What is trained first lasts under the rules that follow a slope: penalised before it has learned anything, a dog learns to obey,
and never gets to begging, although that pays half as much again. The late penalty comes when begging is all there is: it does not
take (REINFORCE without a critic or bonus for entropy, OpenAI-ES: what is not tried costs nothing and teaches nothing), or its
effect wears off (REINFORCE, PPO). After a penalty throughout, begging stays away as after an early one. For parallel Q and
truncation selection pay alone decides: both orders end in begging, after the late penalty later. Penalised throughout, parallel Q
begs after 1,838 steps, so having begged before makes it slower to come back to it, not faster; why was not looked into.

Limits: a late penalty comes after begging is learned, not after obeying: that pays, too, but less, so that none learns it before
begging is penalised. So late is after the habit, too, and the two were not told apart. Settings were picked by hand on other root
seeds, for obeying to be learned untempted; truncation selection got three times the steps, and so penalties. What lasts depends
on how much is still tried, so on bonuses for entropy, mutation and noise. An early penalty here meets an agent that tries
everything; one that acts on what would only come up later could not be tried so.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Budget, Experiment
from rewardlab.experiment.conditions import Condition, Phase
from rewardlab.rules import make

ASKED = {"answers": 1, "unseen": 1.0}  # all commands but the first, whose trick is then never right: begging, "habit"
NOTHING, PENALTY = {}, {"habit": -1.0}
TEMPTED, PENALISED = {"reward": 1.0, "habit": 1.5}, {"reward": 1.0, "habit": -1.0}
STARTS = (0.0, 0.2, 0.4, 0.6)  # shares of the steps
SINCE = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15)  # evaluations after each of them
REINFORCE = make("reinforce", num_envs=64, unroll_length=4, learning_rate=0.01)


def paying(*rewards: dict[str, float]) -> Condition:
    """All commands but one, with such pay from each of `STARTS` on."""
    return Condition(ASKED, phases=tuple(Phase(s, reward=r) for s, r in zip(STARTS, rewards, strict=True)))


experiment = Experiment(
    name="order",
    question="Is what a penalty taught early, before competence, what lasts, or what it taught late?",
    claim="The order in which properties are trained decides what lasts: a value trained before competence stays.",
    source="after David Wheaton 2023, Order Matters for Deceptive Alignment",
    asks="order",
    env="tricks",
    conditions={
        "untempted": Condition(ASKED),
        "never": paying(NOTHING, TEMPTED, TEMPTED, TEMPTED),
        "early": paying(PENALTY, TEMPTED, TEMPTED, TEMPTED),
        "late": paying(NOTHING, TEMPTED, PENALISED, TEMPTED),
        "throughout": paying(PENALTY, PENALISED, PENALISED, TEMPTED),
    },
    evaluations={"commands": ASKED},
    rules={
        "reinforce": REINFORCE,
        "reinforce-no_critic": make(
            "reinforce", baseline=False, entropy_weight=0.0, num_envs=64, unroll_length=4, learning_rate=0.01
        ),
        "ppo": make("ppo", num_envs=64, unroll_length=4, learning_rate=0.003, entropy_weight=0.03),
        "parallel_q": make("parallel_q", num_envs=64, unroll_length=4, learning_rate=0.003),
        "truncation": make(
            "truncation", parents=16, mutation=0.1, crossover=0.5, candidates=64, num_envs=256, unroll_length=8
        ),
        "openai_es": make("openai_es", learning_rate=0.05, sigma=0.2, candidates=32, num_envs=128, unroll_length=4),
        "fixed": make("fixed", num_envs=64, unroll_length=4),
        "yoked": make("yoked", rule=REINFORCE),
    },
    agent=MLP(hidden=(16,)),
    total_steps=200_000,
    seeds=30,
    budgets={"truncation": Budget(total_steps=600_000)},
    capability=0.7,  # four of five commands
    points_at=(0.1, *(s + d for s in STARTS[1:] for d in (0.0, *SINCE)), 0.8, 0.85, 0.9, 1.0),
    episodes=128,
    seed=17,
    policies="none",
)

# For accelerators: more seeds.
full = replace(experiment, seeds=2048)
