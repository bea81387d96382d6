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

Time: 11.8 minutes of CPU time, compilation and report included (20 by the clock on 2 cores that others used, too). Result, with
the cheese anywhere; interquartile means over competent seeds, of the control and of untrained networks over all [95 % interval]:

    rule                 competent    first step told at the hidden layer    episodes that end at the cheese, and their change
                                      cheese          corner                 as it is       less its vector    less a random one
    A2C                  16 of 16     59 % [57-61]    85 % [84-87]           25 % [23-28]    .5 [-2, 2]         -.8 [-3, 0]
      trained anywhere   16           82 % [81-82]    79 % [78-80]           64 % [62-66]   -51 [-54, -49]     -6 [-8, -3]
    PPO                   3 of 16     60 %            83 %                   24 %           -1                 -2
      trained anywhere   16           81 % [80-81]    78 % [77-79]           65 % [63-67]   -59 [-61, -56]     -8 [-9, -5]
    untrained             0 of 16     52 % [51-53]    71 % [69-73]            9 % [5-12]     .5 [-2, 2]         .5 [-2, 3]
    truncation            0 of 10
    the observation                   73 %            80 %

A2C, whose control passes: both goals can be read (against untrained networks p = .0006 each, after Holm), neither is steered.
Taking the cheese's vector away changes its episodes that end at the cheese by .5 % [-2-2], random vectors by -.8 % [-3-0] (p =
.20); adding the corner's changes those that end there by 1.6 % [-1-4], random ones by -1.0 % [-2.6-.5] (p = .20). Where the mouse
was trained with cheese anywhere, the vector takes most of it away (p = .0006), so the instrument works: what mice of the block
have of the cheese at the hidden layer, a little more than untrained networks and less than the observation shows, is not what they
act on. In the control adding the vector does not help (51 % of episodes), as published; but that of another maze does much, too
(29 %), which published ones did not. With the convolution's activations of the cheese elsewhere, the control follows it there in
79 % of decisions, by its best channel in 18 %, of itself in 2 %; mice of the block go there in 29 %, and of themselves in 32 %.

Where a first step can't lead to both, mice of the block decide for the corner in 97 %. For the cheese it counts that it is nearer
by steps (log-odds -.32 [-.39, -.26] for a standard deviation) and nearer to the corner (-1.0 [-1.17, -.77]; published: -.58 and
-1.41), in a straight line not clearly (-.10 [-.20, .14]; published: -.52). But held out, distances tell no more decisions than
always saying the corner, 97 %; in the published network they told 82 % against 71 %. Steps and lines go together (variance
inflation 4 to 17), and a regression on decisions dealt out at random tells as many.

PPO's seeds miss the bar, half of the way from a random policy's return, .41, to the solver's: .65 against .71, in as many steps as
fit. No claim, though what is inside looks alike. Truncation selection does not learn in so few generations.

Limits: one small network, one world; the corner is always there, so its vector comes from a wall on it, which training never
showed; 32 steps, greedy; the smallest share of pairs of seeds that the test of vectors finds with a power of .8 is 93 %. Sizes,
rules and steps were picked on other levels and root seeds; A2C took the place of REINFORCE before anything of it was seen, for
time. `--full` has the published size, 13 × 13 cells with the cheese in 5 × 5 of them, and the network as it comes.
It was not run: `rewardlab preflight inside --full --chip v5e --slice 2x4 --quick` expects 5.0 hours on 8 chips, a rough figure, for
which nothing was compiled for that chip.
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
    claim="Trained networks have goals inside: they can be read from activations, and changed by adding a vector to them.",
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
