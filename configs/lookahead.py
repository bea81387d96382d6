"""Does the network search, or react?

    rewardlab run lookahead

Claim (Jenner, Kapur, Georgiev, Allen, Emmons and Russell 2024, "Evidence of Learned Look-Ahead in a Chess-Playing Neural Network";
Guez et al. 2019, "An Investigation of Model-Free Planning"; in our words): a network that is trained by reward alone, without a
model of the world, comes to look ahead. It has later moves inside, and it deals with situations that are further than any that it
was trained on. Rival: it reacts. It has learned which move goes with what is seen, as far as training went, and no further.

A maze with one loop of 16 cells; the mouse starts anywhere on it, 3 to 7 moves from the cheese by the shorter way. In half of the
levels a wall is on that way, k moves from the start and in view; in a quarter one that far away on the longer way, where it does
not matter. Who searches goes the other way at once. Who reacts walks to the wall and comes back, 2 k moves for nothing; the mouse's
tail shows where it came from, so that no memory is needed for that. A step costs .03, the cheese is worth 1.
Trained with walls up to 2 moves away, tested with walls up to 5. Every cell is a wall in some levels of training: what is new is
how far from the start it is. Beside it, training with walls 1 move away, and the control, training with walls at all depths.
What decides: (1) how often the first move goes the longer way before further walls, against levels without a wall, and against near
walls, in the same seeds. For the claim: clearly more often than without. Against it: not, while near walls are turned from.
(2) How often a linear map tells moves 1 to 5 steps later from the hidden layer as an episode begins, in levels that it was not
fitted to. For the claim: more often than from the layer of untrained networks, and than from the observation and the first move.
A rule gets a claim only if it turns before near walls in more than half of the levels, and in its control before further ones.
Statistic: flips of signs over seeds in pairs, permutations between rules, Holm over all.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

NEAR, DEEPEST = 2, 5  # moves to the wall, in training and on a loop of 16 cells
LITTER = {"candidates": 64, "num_envs": 512, "unroll_length": 32, "sampled": True, "temperature": 1.0}

experiment = Experiment(
    name="lookahead",
    question="Does the network search, or react?",
    claim="Networks trained by reward alone come to look ahead: they deal with what is further than anything in training.",
    source="Jenner et al. 2024, Evidence of Learned Look-Ahead in a Chess-Playing Neural Network; Guez et al. 2019",
    asks="lookahead",
    env="detour",
    env_kwargs={"side": 5},
    conditions={
        "walls_2_away": Condition({"deepest": NEAR}),
        "walls_1_away": Condition({"deepest": 1}, seeds=10),
        "walls_anywhere": Condition({"deepest": DEEPEST}),
    },
    control="walls_anywhere",
    evaluations={"near": {"deepest": NEAR}, "all_depths": {"deepest": DEEPEST}},
    rules={
        "ppo": make("ppo", num_envs=64, unroll_length=32, learning_rate=0.003, gamma=0.95),
        "a2c": make("a2c", num_envs=64, unroll_length=8, learning_rate=0.003, gamma=0.95),
        "parallel_q": make("parallel_q", num_envs=64, unroll_length=32, learning_rate=0.002, gamma=0.95, epsilon=0.1),
        "openai_es": make("openai_es", learning_rate=0.1, sigma=0.3, **LITTER),
    },
    agent=MLP(hidden=(64,)),
    total_steps=1_000_000,
    seeds=30,
    budgets={"openai_es": Budget(total_steps=6_000_000, seeds=10)},
    points=2,
    episodes=1024,
    capability=0.8,
    seed=2301,
    policies="none",
)

# For accelerators: a loop of 28 cells, walls up to 11 moves away, and more depths to train on.
full = replace(
    experiment,
    env_kwargs={"side": 8},
    conditions={f"walls_{deepest}_away": Condition({"deepest": deepest}) for deepest in (3, 1, 2, 5, 7)}
    | {"walls_anywhere": Condition({"deepest": 11})},
    evaluations={"near": {"deepest": 3}, "all_depths": {"deepest": 11}},
    total_steps=20_000_000,
    seeds=256,
    budgets={"openai_es": Budget(total_steps=200_000_000)},
    episodes=4096,
)
