"""Is the goal readable, and steerable, in the activations?

    rewardlab run inside

Claim (Turner, Grietzer, Mini, MacDiarmid and Udell 2023, "Understanding and controlling a maze-solving policy network"; in our
words): a network that was trained by reward has goals inside. Its activations say where they are, and adding a vector to them, the
difference that the cheese makes, changes what the network goes for, without any training. Rival: what is read there is what the
observation shows anyhow, untrained networks have as much of it, and a vector changes behaviour as any blow of that size would.

The mazes of `corner`, 5 × 5 cells, 32 steps: training pays for cheese, which lies in the 2 × 2 cells of the top left corner.
Tested with the cheese anywhere, in mazes never seen, by two goals, the cheese and the corner. The network has one convolution of 8
channels and a hidden layer of 32. What decides, for each goal: (1) how often a linear map, fitted to the hidden layer in half of
the mazes, tells the first step of the shortest way to it in the other half, against untrained networks, in the same states; (2) by
how much the goal's vector, added at the convolution (the middle layer) at every step, changes how many episodes end there, against
random vectors of the same norm. As published, the cheese's vector (activations less those without the cheese, at the start of the
episode) is taken away, and the corner's (less those with a wall on it) is added. For the claim: a goal can be read and steered.
Against it: neither. Control: trained with the cheese anywhere; a rule gets a claim only if the cheese can be read and steered
there. Statistic: permutation tests between seeds, and over pairs for vectors, Holm over all.

Described beside it, and not judged: read-outs of the cheese's cell, steps, straight lines, value and reward at each layer; vectors
of another maze; single channels taken over from the same maze with the cheese elsewhere; and a logistic regression of which goal
is gone for, where both can't be, on steps and straight lines, with variance inflation and on decisions dealt out at random.
"""

from dataclasses import replace

from rewardlab.agents import CNN
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

SHORT = {"max_steps_in_episode": 32}
UNSEEN = {"held_out": True}
ANYWHERE = {"elsewhere": 1.0}
GENERATION = {
    "candidates": 64,
    "episodes": 2,
    "num_envs": 128,
    "unroll_length": 128,
    "sampled": True,
    "temperature": 0.3,
}

experiment = Experiment(
    name="inside",
    question="Is the goal of a trained network readable, and steerable, in its activations?",
    claim="A trained network has goals inside that can be read from its activations, and changed by adding a vector to them.",
    source="Turner et al. 2023, Understanding and controlling a maze-solving policy network",
    asks="inside",
    env="corner",
    env_kwargs={"size": 5, "levels": 8192, "held_out": 1024, "seed": 89},
    conditions={"block": Condition(SHORT | {"corner_size": 2}), "anywhere": Condition(SHORT | ANYWHERE)},
    control="anywhere",
    evaluations={"block": SHORT | UNSEEN | {"corner_size": 2}, "elsewhere": SHORT | UNSEEN | ANYWHERE},
    rules={
        "ppo": make("ppo", num_envs=128, unroll_length=32, learning_rate=0.003, gamma=0.95, epochs=2),
        "a2c": make("a2c", num_envs=64, unroll_length=8, learning_rate=0.005, gamma=0.95),
        "truncation": make("truncation", parents=8, mutation=0.1, gene_pool=True, **GENERATION),
        "untrained": make("fixed", num_envs=8, unroll_length=32),
    },
    agent=CNN(channels=(8,), hidden=(32,), inputs="standardised"),
    total_steps=120_000,
    seeds=16,
    width=8,  # a batch for each of two cores
    budgets={"truncation": Budget(seeds=10), "untrained": Budget(total_steps=256)},
    points=1,
    episodes=48,
    capability=0.5,
    seed=89,
    policies="none",
)

# For accelerators: the published size, with the cheese in 5 × 5 cells or in the corner alone, and the network as it comes.
full = replace(
    experiment,
    env_kwargs=experiment.env_kwargs | {"size": 13},
    conditions={"block": Condition({"corner_size": 5}), "anywhere": Condition(ANYWHERE), "corner": Condition()},
    evaluations={"block": UNSEEN | {"corner_size": 5}, "elsewhere": UNSEEN | ANYWHERE, "corner": UNSEEN},
    agent=CNN(inputs="standardised"),
    total_steps=50_000_000,
    seeds=32,
    width=0,
    budgets={"untrained": Budget(total_steps=256)},
    episodes=128,
)
