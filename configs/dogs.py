"""Is a dog that sits found in the litter, bred, or taught?

    rewardlab run dogs

TO BE WRITTEN
"""

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
    points=16,
    episodes=256,
    seed=31,
    policies="none",
)
