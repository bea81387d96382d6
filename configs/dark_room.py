"""Does an agent get better within a lifetime, from the reward that it is shown, while no parameter changes?

rewardlab run dark_room
"""

from rewardlab.agents import GRU, MLP
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

STEPS = 15  # of an episode; a lifetime has three
HIDDEN = {"decoupled": 1.0}
LATER = {"since": STEPS}  # from the second episode on
GRADIENT = {"entropy_weight": 0.02, "gamma": 0.95, "gae_lambda": 0.9, "unroll_length": 3 * STEPS}
PPO = make("ppo", learning_rate=0.002, num_envs=64, epochs=4, minibatches=4, **GRADIENT)

experiment = Experiment(
    name="dark_room",
    question="Does an agent get better within a lifetime, from the reward that it is shown, while no parameter changes?",
    asks="adaptation",
    env="reward_in_view",
    env_kwargs={"world": "dark_room", "episodes": 3, "size": 5, "steps": STEPS, "held_out": 4},
    conditions={"seen": Condition(), "unseen": Condition(HIDDEN, seeds=10)},
    control="unseen",
    evaluations={
        "known_goals": {},
        "hidden_later": HIDDEN | LATER,
        "always_1_later": HIDDEN | {"bias": 1.0} | LATER,
        "hidden": HIDDEN,
        "new_goals": {"held_out": 1.0},
    },
    rules={
        "ppo": PPO,
        "a2c": make("a2c", learning_rate=0.003, num_envs=32, **GRADIENT),
        "ppo-memoryless": PPO,
    },
    agent=GRU(units=48),
    agents={"ppo-memoryless": MLP(hidden=(48,))},
    total_steps=1_200_000,
    seeds=10,
    width=5,  # one batch for each of two cores
    budgets={"a2c": Budget(total_steps=2_400_000)},
    points=4,
    episodes=512,
    capability=0.25,  # of the way from random moves to who knows the goal: more than that needs no memory
    seed=30,
)
