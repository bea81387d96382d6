"""Does an agent that perceives reward follow what it is shown, or what it is paid?

    rewardlab run percept

A lifetime is 100 pulls at a bandit of two arms, which pay with p and 1 - p; in half of the lifetimes in training they trade places
half-way. The last reward and the last action are in view, and agents have a memory: so they can learn within a lifetime. Then all
parameters are frozen, and either the paid arm changes, or what is shown does: inverted from half-way or from the start, stopped, or
hidden. Controls: no memory, and reward hidden in training, too.

Time: 19 minutes of CPU time, compilation and report included.
Result, share of the last 20 pulls that pay most, interquartile means over competent seeds:

    rule          competent    nothing changes    the arm changes    inverted half-way    stopped    trained hidden
    PPO           32 of 32     90 %               92 %               8 %                  49 %       50 %
    A2C           29 of 32     91 %               90 %               10 %                 50 %       49 %
    truncation    14 of 20     90 %               91 %               10 %                 50 %       50 %
    OpenAI-ES     13 of 20     90 %               90 %               9 %                  50 %       50 %

They follow what they are shown. Settings come from trials on other root seeds; A2C's steps, and the number of seeds of the
selection rules, were raised after a run on root seed 10.
"""

from rewardlab.agents import GRU, MLP
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

HALF = 50
INVERTED = {"decoupled": 1.0, "gain": -1.0, "bias": 1.0}
GRADIENT = {"entropy_weight": 0.01, "gamma": 0.9, "gae_lambda": 0.8}
PPO = make("ppo", learning_rate=0.002, num_envs=32, unroll_length=100, epochs=4, minibatches=4, **GRADIENT)
LITTER = {"candidates": 64, "num_envs": 1024, "unroll_length": 100}

experiment = Experiment(
    name="percept",
    question="Does an agent that perceives reward follow what it is shown, or what it is paid?",
    claim="An agent sees reward only if that is put into what it observes: it then follows what it is shown, not paid.",
    source='after Sam Ringer 2022, Models Don\'t "Get Reward"; Wang et al. 2016; Duan et al. 2016',
    asks="percept",
    env="reward_in_view",
    env_kwargs={"world": "bandit"},
    conditions={
        "seen": Condition({"switched": 0.5}),
        "unseen": Condition({"switched": 0.5, "decoupled": 1.0}, seeds=10),
    },
    control="unseen",
    evaluations={
        "steady": {},
        "switched": {"switched": 1.0},
        "inverted": INVERTED | {"since": HALF},
        "inverted_from_the_start": INVERTED,
        "stopped": {"decoupled": 1.0, "since": HALF},
        "hidden": {"decoupled": 1.0},
    },
    rules={
        "ppo": PPO,
        "a2c": make("a2c", learning_rate=0.003, num_envs=16, unroll_length=25, **GRADIENT),
        "truncation": make("truncation", parents=8, mutation=0.02, **LITTER),
        "openai_es": make("openai_es", learning_rate=0.03, sigma=0.1, **LITTER),
        "ppo-memoryless": PPO,
    },
    agent=GRU(units=32),
    agents={
        "truncation": GRU(units=16, head_scale=1.0),
        "openai_es": GRU(units=16),
        "ppo-memoryless": MLP(hidden=(32,)),
    },
    total_steps=1_000_000,
    seeds=32,
    budgets={
        "a2c": Budget(total_steps=2_000_000),
        "truncation": Budget(total_steps=40_000_000, seeds=20),
        "openai_es": Budget(total_steps=30_000_000, seeds=20),
        "ppo-memoryless": Budget(seeds=10),
    },
    points=4,
    episodes=512,
    capability=0.87,  # of the way from random pulls to those of who knows the arms: a regret of at most 3.5
    seed=20,
)
