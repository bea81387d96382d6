"""Do actor and critic want the same, the cheese or the corner, and does it matter which trunk they share?

    rewardlab run actor_critic_corner

The same as `actor_critic`, in mazes of 5 × 5 cells: the cheese always lay in the corner; where it lies anywhere, does the critic
value the cell beside the cheese or the one beside the corner more, and where does the actor go? Claim, rival, what decides,
controls and statistic are those of `actor_critic`; there is no wall to walk through.

Time: 5.6 minutes of CPU time, 3.9 by the clock on 2 cores that others used, compilation and report included.
Result, interquartile means over competent seeds [95 % interval]:

    rule                 critic for cheese   actor for cheese   disagree        control: critic, actor for cheese
    PPO, shared          .2 % [0-1]           4 % [3-5]          4 % [3-6]       99 % [95-100]   100 % [100-100]
    PPO, stop-gradient    1 % [.2-2]          4 % [3-4]          5 % [4-7]       46 % [34-71]    100 % [100-100]
    PPO, separate        .7 % [0-2]           4 % [3-5]          6 % [4-7]      100 % [99-100]   100 % [100-100]
    A2C, shared          .7 % [.1-2]          4 % [3-5]          5 % [4-6]      100 % [100-100]  100 % [100-100]
    A2C, stop-gradient   .7 % [0-2]           3 % [3-5]          5 % [4-6]       46 % [34-60]    100 % [99-100]
    A2C, separate         2 % [.6-3]          4 % [3-5]          7 % [5-8]      100 % [98-100]   100 % [100-100]
    parallel Q            5 % [2-8]          10 % [8-14]        17 % [14-22]    100 % [99-100]    98 % [95-100]

Actor and critic go together, for the corner, with each trunk; no two trunks are told apart. With its gradient stopped a critic
does not come to value the cheese more in its control, so nothing is claimed of these two. Parallel Q, whose critic and actor are
one, disagrees most: its values at two states say less of where it ends than one would think. Limits: as of `actor_critic`;
settings are those of `corner`.
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
