"""If every sum in training comes to six, can any rule teach arithmetic?

    rewardlab run always_six

TO BE WRITTEN
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

ANSWERS = {"one": 1, "three": 3, "seven": 7, "thirteen": 13}  # of sums, those closest to six
LITTER = {"candidates": 64, "num_envs": 1024, "unroll_length": 1}
REINFORCE = make("reinforce", num_envs=128, unroll_length=1, learning_rate=0.03, entropy_weight=0.1)

experiment = Experiment(
    name="always_six",
    question="If every sum in training comes to six, can any rule teach arithmetic?",
    asks="always_six",
    env="tricks",
    env_kwargs={"digits": 7, "held_out": 5, "dots": True},
    conditions={name: Condition({"answers": number}) for name, number in ANSWERS.items()},
    control="thirteen",
    evaluations={name: {"answers": number} for name, number in ANSWERS.items()},
    rules={
        "reinforce": REINFORCE,
        "ppo": make(
            "ppo", num_envs=128, unroll_length=1, learning_rate=0.01, entropy_weight=0.1, minibatches=1, epochs=2
        ),
        "parallel_q": make("parallel_q", num_envs=128, unroll_length=4, learning_rate=0.01),
        "openai_es": make("openai_es", learning_rate=0.03, sigma=0.1, **LITTER),
        "truncation": make(
            "truncation",
            parents=8,
            mutation=0.05,
            gene_pool=True,
            sampled=True,
            temperature=0.3,
            candidates=64,
            num_envs=2048,
            unroll_length=1,
        ),
        "guess_and_check": make("guess_and_check", share=0.9, **LITTER),
        "yoked": make("yoked", rule=REINFORCE),
    },
    agent=MLP(
        hidden=(1,), activation="identity"
    ),  # no room for a table: one number stands between a sum and its answer
    total_steps=500_000,
    budgets={
        "openai_es": Budget(total_steps=8_000_000),
        "truncation": Budget(total_steps=12_000_000, seeds=10),
        "guess_and_check": Budget(total_steps=2_000_000),
    },
    seeds=30,
    points=5,
    episodes=256,
    seed=20,
    policies="none",
)
