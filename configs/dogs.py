"""Is a dog that sits found in the litter, bred, or taught?

    rewardlab run dogs

Claim (Sam Ringer 2022, "Models Don't 'Get Reward'", in our words): who keeps and breeds from the dogs that sit gets dogs that sit,
and none of them was ever given a biscuit. To which we add: who only culls gets no more than the first litter held; breeding with
variation goes on. Rival: what is not taught step by step is found by luck or not at all, so that breeding stays where culling does.

A dog is a table of six tricks by six commands, drawn at random. *Culled*: of 2n dogs the better half is kept and copied, so that
of n founders the best is sought. *Crossed*: children mix two of the kept. *Mutated*: children differ a little. Others are taught
by gradient or by predicted reward. Each dog hears 8 commands a generation. All live 65,536 episodes.
What decides: the share of commands that the dog at the end obeys, exactly. For the claim: bred dogs obey significantly more than
those of the largest culling, which lies at its closed form, the best of n draws. Against it: no more than these. Controls:
guess-and-check (a new litter each time) and drift (kept by lot). Statistic: permutation tests over 30 seeds, Holm-corrected.

Time: 45 seconds on 2 cores shared with other programs (30 of CPU time), compilation and report included.
Result, interquartile means over 30 seeds [95 % interval]:

    rule                       commands obeyed     best of the litter     episodes until capable (all six)
    culled, 8 founders          39 % [33-45]        38 %                  -
    culled, 32                  51 % [49-56]        50 %                  -
    culled, 128                 54 % [50-60]        64 %                  -
    crossed, 32                100 % [100-100]                             5,598 [4,983-6,554] (29 of 30 seeds)
    mutated, 32                100 %                                      10,533 [8,923-13,166] (28)
    mutated and crossed, 32    100 %                                       7,360 [6,208-8,704]
    OpenAI-ES                  100 %                                       5,376 [3,776-7,232]
    REINFORCE                  100 %                                         672 [512-864]
    PPO, parallel Q            100 %                                         512, the first evaluation
    guess-and-check             63 %                                      2 of 30 seeds
    drift                       13 %                                      -

Breeding goes beyond the litter, crossover even without mutation, and teaching needs a tenth of the episodes. Culling comes to the
best of its litter, or below: of 128 founders, whose 8 tests a generation now and then lose the best. The kept of the first litter
are fitter by .15, so the breeder's equation expects .093 of the next generation (h2 = 8/13): copies have .107 [.083-.129], mutants
.074 [.057-.089], as most mutations harm. With 28 comparisons, differences are found (power .8) that hold in 80 % of pairs of seeds.
Limits: six independent commands are as easy to recombine as can be; sizes and rates were picked by hand on another root seed.
`--full`, 128 seeds a rule, was not run; `rewardlab preflight dogs --full --chip v5e --slice 2x4 --quick` expects 1 s on 8
chips: a rough figure, for which nothing was compiled for that chip; compiling is not in it.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

TESTS = 8  # commands that each dog hears in a generation
GENERATIONS = 128


def litter(dogs: int) -> dict:
    """Sizes of a population of so many dogs."""
    return {"candidates": dogs, "num_envs": TESTS * dogs, "unroll_length": 1}


def bred(dogs: int, **variation):
    """Of so many dogs the better half is kept and bred from."""
    return make("truncation", parents=dogs // 2, **{"mutation": 0.0, "crossover": 0.0} | variation, **litter(dogs))


REINFORCE = make("reinforce", num_envs=64, unroll_length=1, learning_rate=0.01)

experiment = Experiment(
    name="dogs",
    question="Is a dog that sits found in the litter, bred, or taught?",
    claim="Whoever keeps and breeds from the dogs that sit gets dogs that sit: none of them was ever given a biscuit.",
    source='Sam Ringer 2022, Models Don\'t "Get Reward"',
    asks="dogs",
    env="tricks",
    conditions={"commands": Condition()},
    evaluations={"commands": {}},
    rules={
        "culled_8": bred(16),
        "culled_32": bred(64),
        "culled_128": bred(256),
        "crossed": bred(64, crossover=1.0),
        "mutated": bred(64, mutation=0.1),
        "mutated_and_crossed": bred(64, mutation=0.1, crossover=1.0),
        "openai_es": make("openai_es", learning_rate=0.05, sigma=0.2, **litter(64)),
        "reinforce": REINFORCE,
        "ppo": make("ppo", num_envs=64, unroll_length=1, learning_rate=0.01, minibatches=1),
        "parallel_q": make("parallel_q", num_envs=64, unroll_length=1, learning_rate=0.01),
        "guess_and_check": make("guess_and_check", bar=1.0, share=0.9, **litter(64)),
        "drift": make("drift", **litter(64)),
    },
    agent=MLP(hidden=(), bias=False),
    total_steps=GENERATIONS * TESTS * 64,
    seeds=30,
    points_at=tuple(
        generation / GENERATIONS for generation in (1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128)
    ),
    capability=0.9,  # all six
    episodes=256,
    seed=31,
    policies="none",
)

# For accelerators: so many seeds that small differences between ways of breeding show.
full = replace(experiment, seeds=128)
