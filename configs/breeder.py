"""The breeder need not know how genes make a dog sit, and the gradient does: how far apart are the steps that they take?

rewardlab run breeder
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment
from rewardlab.rules import make

TESTS = 8  # commands that each dog hears in a generation
RAW = {"optimiser": "sgd", "learning_rate": 1.0}  # a step is the estimate of the gradient itself
PLAIN = {"entropy_weight": 0.0, "max_grad_norm": 1e6}
ONCE = {"epochs": 1, "minibatches": 1}
LESSON = {"num_envs": 64, "unroll_length": 1}
DRAWN = {"sampled": True, "temperature": 1.0}  # dogs draw from their softmax, as those that are taught do


def litter(dogs: int, **acts) -> dict:
    """Sizes of a population of so many dogs, and how they act."""
    return {"candidates": dogs, "num_envs": TESTS * dogs, "unroll_length": 1} | (acts or DRAWN)


def smoothed(sigma: float, dogs: int = 64, rule: str = "openai_es", **acts):
    """An evolution strategy without an optimiser."""
    return make(rule, sigma=sigma, **RAW, **litter(dogs, **acts))


def bred(mutation: float, dogs: int = 64, rule: str = "truncation", acts=(), **variation):
    """The best quarter is kept and bred from."""
    return make(rule, parents=dogs // 4, mutation=mutation, **variation, **litter(dogs, **dict(acts)))


TAUGHT = make("reinforce", gamma=1.0, baseline=False, **PLAIN, **RAW, **LESSON)

experiment = Experiment(
    name="breeder",
    question="How far apart are the step of a breeder, who knows nothing of genes, and that of the gradient?",
    asks="breeder",
    env="tricks",
    conditions={"commands": Condition()},
    evaluations={"commands": {}},
    rules={
        "reinforce": TAUGHT,
        "natural_gradient": make(
            "natural_gradient", learning_rate=1.0, gamma=1.0, gae_lambda=1.0, minibatches=1, **LESSON
        ),
        "ppo-raw": make("ppo", gamma=1.0, gae_lambda=1.0, **ONCE, **PLAIN, **RAW, **LESSON),
        "ppo": make("ppo", **LESSON),
        "parallel_q": make("parallel_q", max_grad_norm=1e6, **ONCE, **RAW, **LESSON),
        "openai_es-0.5": smoothed(0.5),
        "openai_es-0.1": smoothed(0.1),
        "openai_es-2": smoothed(2.0),
        "openai_es-0.5_16_dogs": smoothed(0.5, 16),
        "openai_es-0.5_256_dogs": smoothed(0.5, 256),
        "openai_es-0.5_greedy": smoothed(0.5, sampled=False),
        "rank_es": smoothed(0.5, rule="rank_es"),
        "fitness_proportional": make("fitness_proportional", mutation=0.5, **litter(64)),
        "tournament": make("tournament", mutation=0.5, **litter(64)),
        "truncation-0.5": bred(0.5),
        "truncation-0.1": bred(0.1),
        "truncation-2": bred(2.0),
        "truncation-0.5_16_dogs": bred(0.5, 16),
        "truncation-0.5_256_dogs": bred(0.5, 256),
        "truncation-0.5_crossed": bred(0.5, crossover=1.0),
        "truncation-0.5_greedy": bred(0.5, acts={"sampled": False}),
        "guess_and_check": make("guess_and_check", bar=1.0, share=0.6, **litter(64)),
        "drift": bred(0.5, rule="drift"),
        "yoked": make("yoked", rule=TAUGHT),
    },
    agent=MLP(hidden=(), bias=False, head_scale=2.5),
    total_steps=1,
    seeds=30,
    points=1,
    episodes=64,
    seed=61,
    policies="none",
)
full = replace(experiment, agent=MLP(hidden=(64,), activation="tanh", head_scale=2.5), seeds=128)
