"""Of two ways of equal pay, is the one passed over whose neighbours fare badly?

    rewardlab run ridge

Claim (survival of the flattest, Wilke et al. 2001; Lehman et al. 2018; in our words): being selected is not
the same as scoring well. A rule comes to policies whose neighbours score well, too, so that of two ways of equal pay it passes over
the fragile one. Rival: at equal return, a rule takes either way as often as chance puts it there.

A ridge one row wide and a plain of three rows lead to the same prize in 5 steps. Off the ridge all is lost, off the plain a tenth.
Nothing slips in training; in the control steps slip with .1. The prior, guess-and-check, says how often each way comes by chance.
What decides: the share of competent seeds on the ridge. For the claim: significantly less than of the prior's. Against it:
no clear difference, or more. Beside it, what noise in the parameters leaves of the return. Statistic: permutation tests (Holm).

Time: 1.7 minutes of CPU time, compilation and report included (16 minutes by the clock on 2 cores that others used, too).
`--full`, 4,096 seeds a rule, was not run; `rewardlab preflight ridge --full --chip v5e --slice 2x4 --quick` expects 9 s on 8
chips: a rough figure, for which nothing was compiled for that chip; compiling is not in it.
Result, interquartile means over 30 seeds, all competent (parallel Q: 24, OpenAI-ES: none):

    rule                             on the ridge    return with noise of .1, .4, .8 of the parameters' size
    guess-and-check                  0 % [0-19]      .87   .66 [.58-.73]   .59
    truncation, mutation .03         0 % [0-0]       .93   .71 [.66-.77]   .59
    truncation, mutation .3          0 % [0-6]       .93   .70 [.64-.75]   .58
    REINFORCE                        0 % [0-0]      1.00  1.00 [1-1]      1.00
    parallel Q                       0 % [0-0]       .86   .73 [.70-.76]   .53    no claim: 9 control seeds

No rule passes over the ridge clearly more often than the prior, of which few seeds take it as it is: with 10 comparisons,
differences are found (power .8) that hold in 77-79 % of pairs of seeds, and there is no room for one here. What noise leaves
is clear, and not as Lehman et al. found it for evolution strategies: REINFORCE keeps all of its return, truncation selection no
more than parallel Q (REINFORCE against each of these p = .001). REINFORCE draws its actions in training; the others act greedily.
OpenAI-ES comes to a way along the plain with falls, .73, and stays there, so its finding can't be tried.
Limits: one world, a linear network, noise in proportion to each array's size. Sizes were picked by hand on other root seeds.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

STEPS = 10  # twice the fewest
LITTER = {"candidates": 64, "num_envs": 128, "unroll_length": STEPS}


def bred(mutation: float):
    return make("truncation", parents=16, mutation=mutation, **LITTER)


def smoothed(sigma: float):
    return make("openai_es", learning_rate=0.03, sigma=sigma, **LITTER)


def taught(learning_rate: float):
    return make("reinforce", num_envs=64, unroll_length=STEPS, learning_rate=learning_rate)


experiment = Experiment(
    name="ridge",
    question="Of two ways of equal pay, is the one passed over whose neighbours fare badly?",
    claim="Selection is not for scoring well alone: of two ways of equal pay, the one whose neighbours fare badly is passed over.",
    source="Wilke et al. 2001; Lehman et al. 2018, ES Is More Than Just a Traditional Finite-Difference Approximator",
    asks="ridge",
    env="ridge",
    env_kwargs={"length": 4, "rows": 3},
    conditions={"still": Condition(), "slips": Condition({"slip": 0.1}, seeds=10)},
    control="slips",
    evaluations={
        "still": {},
        "slips_10": {"slip": 0.1},
        "slips_20": {"slip": 0.2},
    },
    rules={
        "truncation-small": bred(0.03),
        "truncation-large": bred(0.3),
        "openai_es": smoothed(0.3),
        "reinforce": taught(0.01),
        "parallel_q": make("parallel_q", num_envs=64, unroll_length=STEPS, learning_rate=0.003),
        "guess_and_check": make("guess_and_check", bar=0.95, share=1.0, **LITTER),
    },
    agent=MLP(hidden=()),
    total_steps=100_000,
    seeds=30,
    points=4,
    episodes=64,
    seed=41,
    policies="none",
)

# For accelerators: as many seeds of the control, too.
full = replace(
    experiment,
    conditions={name: replace(condition, seeds=None) for name, condition in experiment.conditions.items()},
    seeds=4096,
)
