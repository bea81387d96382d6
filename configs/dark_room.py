"""Does an agent get better within a lifetime, from the reward that it is shown, while no parameter changes?

    rewardlab run dark_room

A lifetime is three episodes of 15 steps in a dark room of 5 × 5 cells, with one goal that can't be seen, of 20 in training. The
last reward and the last action are in view, and agents have a memory. Then all parameters are frozen, and reward is hidden or
always 1 from the second episode on, hidden throughout, or the goal is one of the 4 that were held out. Controls: reward hidden
in training, too; and an agent without a memory.

Time: 8 minutes 17 seconds of CPU time, compilation and report included. Result, return of each of the three episodes,
interquartile means over 10 of 10 competent seeds [95 % interval of the last]; who knows the goal has 13.5 an episode, a spiral
search 5.3, random moves .6:

    test                                   PPO                              A2C                              PPO, no memory
    nothing changes                        5.5, 12.0, 13.1 [12.1-13.5]      5.6, 11.7, 12.4 [11.8-13.1]      5.9, 7.3, 5.9 [5.6-6.5]
    hidden from the second episode on      5.5,  2.1,  1.4 [ 1.0- 2.0]      5.6,  1.8,  0.8 [ 0.7- 1.0]      5.9, 0.8, 0.7 [0.5-0.7]
    always 1 from the second episode on    5.5,  1.5,  1.5 [ 1.0- 2.0]      5.6,  1.4,  1.4 [ 0.7- 2.1]      5.9, 1.0, 0.8 [0.6-0.9]
    hidden throughout                      0.7,  0.7,  0.7 [ 0.6- 0.7]      0.7,  0.7,  0.7 [ 0.6- 0.7]      0.7, 0.7, 0.7 [0.7-0.7]
    goals that were held out               1.0,  3.6,  5.3 [ 4.6- 6.1]      0.6,  3.3,  4.9 [ 3.7- 7.3]      0.3, 1.4, 0.3 [0.0-1.3]

It gets better from the reward that it is shown: trained with reward hidden it gains nothing (-.02 [-.06-.05]). Each seed's last
episode returns at least 11.1; where reward is hidden or faked from the second episode on, at most 3.1. Without a memory, an
agent still sees at the start of an episode how the last one ended, and so walks another way in the second; it does no better in
the third. At held-out goals an agent gains 4.1 [3.2-5.2] where it gains 7.5 [6.6-8.1] at known ones: its search has been
trained not to look there, as the first episode shows. With more goals this is better: in a room of 7 × 7 with 44 goals and
episodes of 24 steps, after 2M steps, 2 seeds had 6.6, 13.2, 13.9 at known goals and 2.2, 7.3, 11.8 at held-out ones
(`--env-kwargs.size 7 --env-kwargs.steps 24 --rules.ppo.unroll-length 72 --total-steps 2e6`). PPO's settings come from trials on
other root seeds.
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
    claim="An agent sees reward only if that is put into what it observes: it then follows what it is shown, not paid.",
    source='after Sam Ringer 2022, Models Don\'t "Get Reward"; Laskin et al. 2022',
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
