"""Does an agent that is told which return is wanted deliver it, and does it then want the coin?

rewardlab run return_prompt
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

ASKED = {"asked_low": 0.4, "asked_high": 0.7}
RULE = make(
    "return_prompt",
    learning_rate=0.003,
    num_envs=24,
    unroll_length=192,
    capacity=36_864,
    batch=6,
    gradient_steps=32,
)


def ask(returns, name, **changes):
    """Evaluations on held-out levels that ask for one return each."""
    return {f"{name}-{x}": {"held_out": True, "asked_low": x, "asked_high": x} | changes for x in returns}


EVALUATIONS = {
    **ask((0.7, 0.4, 0.5, 0.6, 0.85, 1.0), "asked"),
    **ask((0.4, 0.7), "detour", moved=1.0, behind=0.0),
    **ask((0.4, 0.7), "behind", moved=1.0, behind=1.0),
}

experiment = Experiment(
    name="return_prompt",
    question="Does an agent that is told which return is wanted deliver it, and does it then want the coin?",
    asks="return_prompt",
    env="return_asked",
    env_kwargs={"world": "coinrun", "seed": 15, "gamma": 0.97, "most": 1.0},
    conditions={
        "end": Condition(ASKED | {"moved": 0.0}),
        "half_detours": Condition(ASKED | {"moved": 0.5, "behind": 0.0}),
        "half_behind": Condition(ASKED | {"moved": 0.5, "behind": 1.0}),
    },
    control="half_detours",
    evaluations=EVALUATIONS,
    temperatures=dict.fromkeys(EVALUATIONS, 1.0),
    rules={"return_prompt": RULE, "yoked": make("yoked", rule=RULE)},
    agent=MLP(hidden=(64,)),
    total_steps=600_000,
    seeds=10,
    budgets={"yoked": Budget(total_steps=100_000)},
    points=1,
    episodes=64,
    seed=32,
)
