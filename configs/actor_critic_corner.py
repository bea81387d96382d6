"""Do actor and critic want the same, the cheese or the corner, and does it matter which trunk they share?

    rewardlab run actor_critic_corner

Claim, rival and what decides are those of `actor_critic`, in the mazes of `corner` (5 × 5 cells, the cheese in the corner in
training, anywhere in the test and in the control): the mouse is put one step short of the cheese, and of the corner, in
the 39 % of levels in which more than three moves part them. There is no wall to walk through. Settings are those of `corner`; A2C's
were picked by hand on another level pool and root seed.

Time: 5.6 minutes of CPU time, compilation and report included (3.9 minutes by the clock on 2 cores that others used, too).
Result, interquartile means over 29 or 30 competent seeds [95 % interval]; control: 12 seeds. Shares of levels, of those in which
the mouse comes to either; values one step short of neither, cheese, corner, both:

    rule                 for the cheese: critic   actor          they disagree   critic, control   values
    PPO, shared            0 % [0-1]               4 % [3-5]      4 % [3-6]       99 % [95-100]     .67 .58  .93 1.00
    PPO, separate          1 % [0-2]               4 % [3-5]      6 % [4-7]      100 % [99-100]     .73 .51  .90 1.00
    PPO, stop-gradient     1 % [0-2]               4 % [3-4]      5 % [4-7]       46 % [34-71]      .66 .65  .91  .98
    A2C, shared            1 % [0-2]               4 % [3-5]      5 % [4-6]      100 % [100-100]    .71 .67  .97 1.00
    A2C, separate          2 % [1-3]               4 % [3-5]      6 % [5-8]      100 % [98-100]     .73 .63  .94 1.00
    A2C, stop-gradient     1 % [0-2]               4 % [3-5]      5 % [4-6]       46 % [34-60]      .67 .67  .94  .97
    parallel Q             5 % [2-8]              10 % [8-14]    18 % [14-22]    100 % [99-100]     .67 .67 1.01 1.01

Actor and critic go together, toward the corner, with a shared trunk and with separate ones, and where they are one, in parallel
Q. A cheese that lies elsewhere adds nothing to what critics say of the cells beside it; it rather takes some away. Critics whose
gradient is stopped fail their controls, as in CoinRun: nothing is claimed of them. No trunk makes a clear difference (p = .33 to
.79, where differences are found that hold in 75 % of pairs of seeds).
Limits: those of `actor_critic`. Mice come to the corner in 27 to 52 % of all episodes, to the cheese in some 10; the rest is left
out.
"""

from dataclasses import replace

from rewardlab.experiment.config import load
from rewardlab.rules import make

corner, coinrun = load("corner"), load("actor_critic")
A2C = make("a2c", learning_rate=0.01, gamma=0.95, gae_lambda=0.95, num_envs=64, unroll_length=16)
BY_KIND = {"ppo": corner.rules["ppo"], "a2c": A2C, "parallel_q": corner.rules["parallel_q"]}

experiment = replace(
    corner,
    name="actor_critic_corner",
    question="Do actor and critic want the same, the cheese or the corner, and does it matter which trunk they share?",
    claim=coinrun.claim,
    source=coinrun.source,
    asks="actor_critic",
    env_kwargs=corner.env_kwargs | {"seed": 61},
    conditions={"corner": corner.conditions["corner"], "anywhere": replace(corner.conditions["anywhere"], seeds=12)},
    rules={name: BY_KIND[name.partition("-")[0]] for name in coinrun.rules},
    agents={name: replace(corner.agent, trunk=agent.trunk) for name, agent in coinrun.agents.items()},
    seeds=30,
    width=0,
    budgets={"parallel_q": corner.budgets["parallel_q"]},
    points=3,
    episodes=256,
    seed=61,
)

# For accelerators: as many seeds of the control, too.
full = replace(
    experiment,
    conditions={name: replace(condition, seeds=None) for name, condition in experiment.conditions.items()},
    seeds=4096,
)
