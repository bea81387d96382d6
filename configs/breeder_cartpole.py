"""How far apart are the breeder's step and the gradient's where every step of an episode counts?

    rewardlab run breeder_cartpole

As `breeder` (claim, rival, what decides and the controls are there), on CartPole with at most 100 steps an episode and a linear
network. No enumeration goes here: the gradient is that of 8,192 episodes by the score function, whose own noise is taken off. From
each place a rule takes 256 updates. REINFORCE and the candidates of populations live whole episodes, PPO 32 steps in 16 lanes. An
update is dear, so there are 10 seeds.

Time: about 4 minutes of CPU time, compilation and report included (15 minutes by the clock on 2 cores that others used, too).
Result, interquartile means over 10 seeds [95 % interval], at first (a return of 22) and halfway up (61):

    rule                        cosine at first       halfway up          environment steps until half signal
    REINFORCE                   1.000 [1.000-1.000]   1.000 [1.000-1.000]     160; halfway    493
    PPO, raw                    1.000 [.999-1.000]     .968 [.948-.981]       191;          3,010
    PPO, as shipped              .805 [.802-.810]      .644 [.578-.683]       266;          9,780
    OpenAI-ES, sigma .5         1.000 [.999-1.000]     .793 [.774-.814]     1,150;          5,590
    OpenAI-ES, sigma 2           .989 [.986-.991]      .315 [.296-.349]       788;         10,500
    truncation, mutation .5     1.000 [.999-1.000]     .811 [.786-.834]     2,890;         23,000
    truncation, mutation 2      1.000 [1.000-1.000]    .368 [.335-.412]     1,440;         55,400
    drift                        .003 [-.035-.336]    -.064 [-.348-.051]        -

At first all go up the gradient, and the breeder pays 18 times as much as REINFORCE. Halfway up only REINFORCE still does: what is
tried with the same spread is far from where the return is close to linear, for OpenAI-ES and the breeder alike. The breeder's
equation foretells five times the length that comes of it (.19), or 43 times (.023). All but REINFORCE lean towards the gradient.
Limits: 10 seeds, too few to find any difference with a power of .8 among 26 comparisons; the spread of mutation is held fixed.
`--full` adds rules, a hidden layer and seeds, and was not run, nor its time estimated.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

LIMIT = {"max_steps_in_episode": 100}
RAW = {"optimiser": "sgd", "learning_rate": 1.0}  # a step is the estimate of the gradient itself, but for its length
PLAIN = {"entropy_weight": 0.0, "max_grad_norm": 1e6}
ONCE = {"epochs": 1, "minibatches": 1}
LESSON = {"num_envs": 16, "unroll_length": 32}
LITTER = {"candidates": 64, "num_envs": 64, "unroll_length": 500, "sampled": True, "temperature": 1.0}


def smoothed(sigma: float):
    """An evolution strategy without an optimiser, an episode a candidate."""
    return make("openai_es", sigma=sigma, **RAW, **LITTER)


def bred(mutation: float, rule: str = "truncation"):
    """The best quarter is kept and bred from, after an episode each."""
    return make(rule, parents=16, mutation=mutation, **LITTER)


USUAL = {
    "reinforce": make("reinforce", num_envs=16, unroll_length=500, gamma=1.0, baseline=False, **PLAIN, **RAW),
    "ppo-raw": make("ppo", **ONCE, **PLAIN, **RAW, **LESSON),
    "ppo": make("ppo", **LESSON),
    "openai_es-0.5": smoothed(0.5),
    "openai_es-2": smoothed(2.0),
    "truncation-0.5": bred(0.5),
    "truncation-2": bred(2.0),
    "drift": bred(0.5, "drift"),
}
MORE = {
    "natural_gradient": make("natural_gradient", learning_rate=1.0, minibatches=1, **LESSON),
    "parallel_q": make("parallel_q", max_grad_norm=1e6, **ONCE, **RAW, **LESSON),
    "openai_es-0.1": smoothed(0.1),
    "fitness_proportional": make("fitness_proportional", mutation=0.5, **LITTER),
    "truncation-0.1": bred(0.1),
}

experiment = Experiment(
    name="breeder_cartpole",
    question="How far apart are the breeder's step and the gradient's where every step of an episode counts?",
    claim="The breeder need not know how genes make a dog sit, and the gradient does: on average both go up the same slope.",
    source='Sam Ringer 2022, Models Don\'t "Get Reward"',
    asks="breeder",
    env="CartPole-v1",
    conditions={"CartPole": Condition(LIMIT)},
    evaluations={"CartPole": LIMIT},
    rules=USUAL,
    agent=MLP(hidden=()),
    total_steps=1,
    seeds=10,
    points=1,
    episodes=64,
    width=5,
    capable_return=95.0,
    seed=62,
    policies="none",
)
full = replace(experiment, rules=USUAL | MORE, agent=MLP(hidden=(32,), activation="tanh"), seeds=128, width=0)
