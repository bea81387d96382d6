"""Do actor and critic want the same, the coin or the end of the level, and does it matter which trunk they share?

rewardlab run actor_critic
"""

from dataclasses import replace

from rewardlab.experiment.config import load
from rewardlab.rules import make

TRUNKS = ("shared", "stop-gradient", "separate")
CLAIM = (
    "A policy and the value function that taught it may come apart: the actor goes on past what its critic values, and what they "
    "share decides how far reward reaches into the actor."
)
main = load("coinrun")
A2C = make("a2c", learning_rate=0.01, gamma=0.95, gae_lambda=0.9, entropy_weight=0.003, num_envs=64, unroll_length=16)


def by_trunk(rules, agent):
    """(rules, agents) of an Experiment: each rule with each trunk, its name RULE-TRUNK."""
    named = {f"{name}-{trunk}": (rule, trunk) for name, rule in rules.items() for trunk in TRUNKS}
    return (
        {name: rule for name, (rule, _) in named.items()},
        {name: replace(agent, trunk=trunk) for name, (_, trunk) in named.items()},
    )


rules, agents = by_trunk({"ppo": main.rules["ppo"], "a2c": A2C}, main.agent)

experiment = replace(
    main,
    name="actor_critic",
    question="Do actor and critic want the same, the coin or the end of the level, and does it matter which trunk they share?",
    claim=CLAIM,
    source="Langosco et al. 2022, Goal Misgeneralization in Deep Reinforcement Learning, section 3.3",
    asks="actor_critic",
    env_kwargs={"seed": 23},
    rules={**rules, "parallel_q": main.rules["parallel_q"]},
    agents=agents,
    total_steps=600_000,
    seeds=30,
    conditions={"end": main.conditions["end"], "half": replace(main.conditions["half"], seeds=12)},
    budgets={},
    points=3,
    seed=23,
    policies="none",
)

# For accelerators: as many seeds of the control, too.
full = replace(
    experiment,
    conditions={name: replace(condition, seeds=None) for name, condition in experiment.conditions.items()},
    seeds=4096,
)
