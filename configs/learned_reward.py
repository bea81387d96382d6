"""How far can a reward model be optimised before what it says and what is true part?

    rewardlab run learned_reward

DRAFT
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
    claim="A learned reward is one more proxy: whoever optimises it hard enough finds its errors.",
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
