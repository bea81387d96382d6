"""Does an agent that is told which return is wanted deliver it, and does it then want the coin?

    rewardlab run return_prompt

A coin that is reached d steps later than it could have been pays 0.97 ** d, so returns are shares of the best that there is in a
level. The return asked for, what has been paid and the time left are in view; in training 0.4 to 0.8 is asked for. The rule
imitates itself, with the return that it came to in place of the one that was asked for. Then it is asked for other returns and for
more, and the coin is moved. Actions are drawn.

Controls: yoked reward, whose episodes are labelled with returns of another agent's; and the same rule trained, and asked for 0.5 to
1, with the coin at a detour in half of the levels, or behind the start in half.

Time: 12 minutes of CPU time, compilation and report included (29 minutes on two cores that others used as well).
Result, of 10 seeds, interquartile means, on held-out levels:

    asked for                          0.4    0.5    0.6    0.7    0.8    0.9    1
    return, coin at the end            .41    .48    .58    .67    .78    .84    .89
      reached it                       93 %   93 %   96 %   97 %   98 %   98 %   98 %
    return with yoked reward           .02    .03    .03    .03    .03    .03    .03
    coin behind the start: ran past    89 %                        98 %          98 %
    coin at a detour: ran past         86 %                        94 %          96 %
    trained with detours in half: reached the coin at a detour
                                       40 %                        41 %          41 %

It does as it is asked (slope within 0.4 to 0.8: 0.92; yoked reward 0.00), and gets more when asked for more than ever before.
With the coin moved it runs past it, the more so the more it is asked for: what it delivers is a quick way to the end.

Of coins at detours nothing can be claimed: the control reached 41 % of them [36-52], and half are needed. Its seeds differ, from
31 to 58 %. On another level pool, 2 seeds had 52 and 58 % after 1M steps, and one of a network twice as wide 61 % after 1.2M;
with plain discounted returns, the coin at t paying 0.97 ** t, 2 seeds had 69 and 70 %, so relative returns are no cure for that.
Coins behind the start the control reaches in all episodes where half of the coins are there, but it then goes left in every
level, and reaches none of those at the end, in 10 of 10 seeds: the claim says that it can, not that it can do both. To begin with,
nearly all episodes that come to a high return are of those that went left to a coin nearby. What is imitated, when asked for one,
is what went along with it, not what brings it about in the level at hand. With coins at detours and behind
in a quarter each, 2 seeds of 700,000 steps went left as well; with plain returns one did, and one was on its way (31 to 39 % at the
end, 55 to 61 and 100 %). A share of the best there is says nothing of what the agent itself may expect, as an advantage would.
Settings come from trials on another level pool and root seed. That the first evaluation asks for 1, by which seeds count as
competent, was put right after the run: it had asked for 0.8, and 0.81 was needed. It changes no other number. For the same reason
that ask is in no slope, and is not compared with others: who is picked for a high return has it in part by chance.
"""

from rewardlab.agents import MLP
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

ASKED = {"asked_low": 0.4, "asked_high": 0.8}
MORE = {"asked_low": 0.5, "asked_high": 1.0}  # what it learned to find coins at detours with
RULE = make(
    "return_prompt",
    learning_rate=0.003,
    num_envs=24,
    unroll_length=192,
    capacity=73_728,
    batch=6,
    gradient_steps=32,
)


def ask(returns, name, **changes):
    """Evaluations on held-out levels that ask for one return each."""
    return {f"{name}-{x}": {"held_out": True, "asked_low": x, "asked_high": x} | changes for x in returns}


EVALUATIONS = {
    **ask((1.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9), "asked"),  # the first says who is competent
    **ask((0.4, 0.8, 1.0), "detour", moved=1.0, behind=0.0),
    **ask((0.4, 0.8, 1.0), "behind", moved=1.0, behind=1.0),
}

experiment = Experiment(
    name="return_prompt",
    question="Does an agent that is told which return is wanted deliver it, and does it then want the coin?",
    claim="To a return-conditioned agent reward is an instruction: it delivers what it is asked for, by whatever means.",
    source="after Schmidhuber 2019, Reinforcement Learning Upside Down; Kumar, Peng and Levine 2019, Reward-Conditioned Policies",
    asks="return_prompt",
    env="return_asked",
    env_kwargs={"world": "coinrun", "seed": 15, "gamma": 0.97, "relative": True},
    conditions={
        "end": Condition(ASKED | {"moved": 0.0}),
        "half_detours": Condition(MORE | {"moved": 0.5, "behind": 0.0}),
        "half_behind": Condition(MORE | {"moved": 0.5, "behind": 1.0}),
    },
    control="half_detours",
    evaluations=EVALUATIONS,
    temperatures=dict.fromkeys(EVALUATIONS, 1.0),
    rules={"return_prompt": RULE, "yoked": make("yoked", rule=RULE)},
    agent=MLP(hidden=(64,)),
    total_steps=1_200_000,
    seeds=10,
    width=5,  # as many batches for each of two cores
    budgets={"yoked": Budget(total_steps=100_000)},
    points=1,
    episodes=64,
    seed=32,
)
