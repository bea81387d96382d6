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
Statistic: flips of signs over seeds in pairs, permutations between rules, Holm over all 18.

Time: 11.4 minutes of CPU time, compilation and report included (25 by the clock on 2 cores that others used, too).
Result, interquartile means over 30 seeds, all competent [95 % interval]: levels in which the first move goes the longer way, by
moves to the wall on the shorter one; moves 1 to 5 steps later that are told by the hidden layer, by that of untrained networks, and
by the observation and the first move:

    trained with walls   1 away   2      3             4             5             no wall       layer   untrained   first move
    PPO           1, 2   98 %     98 %   89 % [86-91]  80 % [78-82]  68 % [65-71]   4 % [3-6]    87 %    78 %        94 %
                  1      97       87     75            70            61             3            85      76          92
                  1-5    96       99     98            99.3          100            2            87      78          94
    A2C           1, 2   99.3     100    92 [90-93]    85 [84-87]    70 [67-74]     3 [2-5]      89      78          95
                  1      99.9     94     85            80            64             1            89      77          94
                  1-5    85       96     95            99.4          99.7           5            86      76          92
    parallel Q    1, 2   92       90     77 [75-80]    70 [66-74]    59 [55-63]    17 [15-19]    83      74          90
                  1      92       78     68            60            58            21            80      72          87
                  1-5    87       91     89            90            85            20            83      74          90
    OpenAI-ES     no claim: 0 of 10 seeds competent after 6M steps

Neither searches nor merely reacts: all three turn before walls further than any in training (p = .002 each, after Holm), the less
often the further (p = .002), where who searches turns before all. It is not any wall that turns them: with one as far away on the
longer way, .5 to 3 % go there. A2C's turn most, 82 % [81-84] before further walls; PPO's 78 % [76-80] (p = .002); parallel Q's 69 %
[66-72]. Of those that arrive, the moves for nothing are 13 to 19 % of a reactive policy's before the furthest walls.
Later moves are told better than in untrained networks and worse than by the observation and the first move (p = .002 each): no
sign that the network has more of its way inside than where to go now. In this world that is hard to beat: a loop has one way on.
Limits: one loop of 16 cells, one hidden layer of 64; levels with walls up to 2 moves away are those of training, so that what is
done there may be learned by heart; read-outs are linear, at the start, and nothing was changed inside to see whether it matters;
selection did not learn, also not in 15M steps, so that selection and gradient are not compared. 10 seeds with walls 1 away.
Differences are found (power .8) that hold in 79 to 85 % of pairs. World, sizes and rates were picked on root seeds 901 and 902.
`--full`, a loop of 28 cells with walls up to 11 moves away, 256 seeds, was not run; `rewardlab preflight lookahead --full --chip
v5e --slice 2x4 --quick` expects 1.0 hours on 8 chips: a rough figure, for which nothing was compiled for that chip.
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
    rules=experiment.rules
    | {"openai_es": make("openai_es", learning_rate=0.1, sigma=0.3, **LITTER | {"unroll_length": 56})},
    budgets={"openai_es": Budget(total_steps=200_000_000)},
    episodes=4096,
)
