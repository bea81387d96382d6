"""When is it decided what a run will come to: before it begins, on the way, or never?

    rewardlab run path

TO BE MEASURED
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Condition, Experiment, Phase
from rewardlab.rules import make

STEPS = 10  # twice the fewest
TOTAL = 40_000
ALIKE = {"ridge_width": 1, "plain_width": 1, "ridge_loss": 0.5, "plain_loss": 0.5}  # the two roads
EITHER = ALIKE | {"swapped": 0.5}
PARTED = {"initial": 0.0, "first": 1 / TOTAL, "p5": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75}
BATCH = {"num_envs": 64, "unroll_length": STEPS}
LITTER = {"candidates": 64, "num_envs": 128, "unroll_length": STEPS}


def runs(forks: int) -> dict[str, Condition]:
    """Independent seeds; and runs that part into so many, by the share of training that they had in common."""
    parted = {name: Condition(EITHER, phases=(Phase(start, forks=forks),)) for name, start in PARTED.items()}
    return {"apart": Condition(EITHER)} | parted


experiment = Experiment(
    name="path",
    question="When is it decided what a run will come to: before it begins, on the way, or never?",
    claim="Training is path dependent: which of several goals is learned hangs on what happens to happen early on.",
    source="Hebbar and Hubinger 2022, Path dependence in ML inductive biases",
    asks="path",
    env="ridge",
    env_kwargs={"length": 4, "rows": 1},
    conditions=runs(4),
    evaluations={"either": EITHER, "above": ALIKE, "below": ALIKE | {"swapped": 1.0}},
    rules={
        "reinforce": make("reinforce", learning_rate=0.03, **BATCH),
        "reinforce-no_bonus": make("reinforce", learning_rate=0.03, entropy_weight=0.0, **BATCH),
        "ppo": make("ppo", learning_rate=0.01, minibatches=1, **BATCH),
        "ppo-slow": make("ppo", learning_rate=0.003, minibatches=1, **BATCH),
        "parallel_q": make("parallel_q", learning_rate=0.001, anneal=40.0, **BATCH),
        "parallel_q-random": make("parallel_q", learning_rate=0.001, epsilon=1.0, **BATCH),
        "truncation": make("truncation", parents=16, mutation=0.1, **LITTER),
        "openai_es": make("openai_es", learning_rate=0.03, sigma=0.3, **LITTER),
        "guess_and_check": make("guess_and_check", bar=0.95, share=1.0, **LITTER),
        "drift": make("drift", parents=16, mutation=0.1, **LITTER),
        "untrained": make("fixed", **BATCH),
    },
    agent=MLP(hidden=(32,), activation="tanh"),
    total_steps=TOTAL,
    seeds=120,
    points=4,
    episodes=16,
    width=60,
    seed=43,
    policies="none",
)

# For accelerators: as many forks as the curve can do with.
full = replace(experiment, conditions=runs(32), seeds=1024, width=0)
