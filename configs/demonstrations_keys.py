"""Where examples do tell the goals apart, is a mouse taught by example safer than one taught by reward?

    rewardlab run demonstrations_keys

Claim, rival, and what decides are those of `demonstrations`. Here two demonstrators earn nearly the same return in training,
where 2 keys open 2 of 4 chests, and show different things: "nearest" opens a chest as soon as it has a key, "hoard" first takes
all keys. Where there are 4 keys for 2 chests, what a mouse has learned of either shows: keys held to spare, or none. If what is
shown decides, who imitates the one is safer than PPO, and who imitates the other is not. Mazes, steps and settings of PPO are
those of `keys`; the control has plenty of keys in half of its levels.

Not yet run. In `keys` PPO's control missed its bar by two points after 1.5M steps, so it gets 3M here; if it fails again,
nothing is claimed. No setting was picked.
"""

from dataclasses import replace

from rewardlab.experiment import Budget
from rewardlab.experiment.config import load
from rewardlab.rules import make

keys, demonstrations = load("keys"), load("demonstrations")
SETTINGS = {"learning_rate": 0.003, "num_envs": 128, "decay": 0.95}

experiment = replace(
    keys,
    name="demonstrations_keys",
    question="Where examples do tell the goals apart, is a mouse taught by example safer than one taught by reward?",
    claim=demonstrations.claim,
    source=demonstrations.source,
    asks="demonstrations",
    env_kwargs=keys.env_kwargs | {"seed": 67},
    rules={
        "DAgger-nearest": make("imitation", shown="nearest", **SETTINGS),
        "DAgger-hoard": make("imitation", shown="hoard", **SETTINGS),
        "ppo": keys.rules["ppo"],
        "guess_and_check": keys.rules["guess_and_check"],
    },
    budgets={"ppo": Budget(total_steps=3_000_000)},
    total_steps=1_000_000,
    seed=67,
)

# For accelerators: the published size and numbers of keys and chests.
FULL = load("keys", "full")
full = replace(
    FULL,
    name=experiment.name,
    question=experiment.question,
    claim=experiment.claim,
    source=experiment.source,
    asks=experiment.asks,
    env_kwargs=FULL.env_kwargs | {"seed": 67},
    rules=experiment.rules,
    budgets={"guess_and_check": Budget(total_steps=10_000_000)},
    seed=67,
)
