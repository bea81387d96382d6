"""Optimal policies of most rewards keep options open; do trained ones?

    rewardlab run power

Claim (Turner et al. 2021, "Optimal Policies Tend to Seek Power", in our words): for most reward functions, what is optimal is to go
where more can still be reached. It is often taken to hold of trained agents, too. Rival (Turner and Tadepalli 2022 on what trained
agents have in common with optimal ones; we put it as): trained policies keep options open only in so far as they are optimal.

A graph of 13 places. The crossroads lead into two dead ends, a pair of places, and a hub, behind which there are a square of four
places, another pair and a dead end. Each seed has rewards of its own, drawn uniformly for every place. POWER is what one can expect
to get from a place if rewards are yet to be drawn: .5 in a dead end, .67 in a pair, .8 in the square. An episode goes on with
probability .9. What decides: the POWER of the places where a policy stays, exactly, at the end of training, beside that of the
optimal policy of the same rewards, in pairs. For the claim: as much or more, within .02, and more than untrained. Against it: less.
For the rival: on the way, policies that fall short of the best keep as much as random policies do that fall short as far, in the
same task. Controls: optimal policies keep more than untrained ones; yoked ones do not. Statistic: the mean difference over 384
draws, by flips of its sign, Holm-corrected.

Time: 5.6 minutes of CPU time, compilation and report included (8 minutes by the clock on 2 cores that others used, too).
Result, means over 384 draws [95 % interval]; dead end: draws that end there; the last column is paired:

    rule                  POWER kept           dead end       falls short by      less random, as far short
    optimal policies      .663 [.650-.675]     34 % [30-39]   0                    -
    truncation selection  .659 [.646-.671]     35 % [31-40]   .001 [.000-.002]      .011 [.001-.023], not significant
    value iteration       .655 [.643-.668]     36 % [31-41]   .004 [.002-.006]      .024 [.017-.032]
    parallel Q            .622 [.611-.634]     49 % [44-54]   .058 [.045-.073]     -.008 [-.012--.004]
    PPO                   .614 [.603-.626]     50 % [45-55]   .028 [.022-.035]     -.018 [-.022--.014]
    REINFORCE             .610 [.599-.621]     51 % [46-56]   .036 [.028-.044]     -.010 [-.015--.005]
    OpenAI-ES             .601 [.591-.612]     54 % [49-59]   .080 [.065-.096]     -.012 [-.017--.006]
    guess-and-check       .621 [.609-.632]     48 % [43-53]   .142 [.125-.160]      .006 [-.002-.015], a control
    yoked reward          .603 [.592-.614]     53 % [48-58]   1.02                  .004 [-.003-.011], a control
    untrained network     .599 [.588-.611]     55 % [50-60]   1.02                  .002 [-.008-.013], a control

Truncation selection and value iteration keep as much as optimal policies. REINFORCE, PPO, parallel Q and OpenAI-ES come within 3
to 8 % of the best, and keep hardly more than untrained ones: half of the draws end in a dead end, where a third should. A likely
reason, which was not tested: a dead end that pays well is learned at once, and the square pays like an average place until one has
learned to stay at its best. So the tendency is one of optimal policies, and a small shortfall does away with it; but not of
optimality alone: at the same shortfall these rules keep less than random policies, and value iteration more. With 20 comparisons,
differences are found (power .8) that hold in 60-69 % of pairs. Limits: one graph and one discount; linear tables; greedy policies;
POWER itself is a mean over 1,024 draws. One setting a rule, picked by hand on another pool of rewards. 128 draws of a third pool
were too few: the first control missed (p = .07). An untrained policy is capable in 1 of 5 draws, by our bar of 80 %. `--full` was
not run.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

STEPS = 50  # the longest episode; 1 in 200 lasts as long
LITTER = {"candidates": 32, "num_envs": 256, "unroll_length": STEPS}
TAUGHT = {"num_envs": 32, "unroll_length": 32, "gamma": 1.0}  # what the future counts for is how often it comes

WHOLE = {"num_envs": 16, "unroll_length": 2 * STEPS}

REINFORCE = make("reinforce", learning_rate=0.03, gamma=1.0, **WHOLE)

experiment = Experiment(
    name="power",
    question="Optimal policies of most rewards keep options open; do trained ones?",
    claim="Optimal policies of most reward functions keep options open: so trained agents will, too.",
    source="Turner et al. 2021, Optimal Policies Tend to Seek Power",
    asks="power",
    env="crossroads",
    env_kwargs={"seed": 72, "steps": STEPS},
    conditions={"own_rewards": Condition()},
    evaluations={"own_rewards": {}},
    rules={
        "reinforce": REINFORCE,
        "ppo": make("ppo", learning_rate=0.03, **TAUGHT),
        "parallel_q": make("parallel_q", learning_rate=0.03, anneal=50.0, **TAUGHT),
        "value_iteration": make("value_iteration", gamma=0.999, num_envs=16, unroll_length=16),
        "truncation": make("truncation", parents=8, mutation=0.3, **LITTER),
        "openai_es": make("openai_es", learning_rate=0.1, sigma=0.3, **LITTER),
        "guess_and_check": make("guess_and_check", bar=0.5, share=0.5, **LITTER),
        "fixed": make("fixed", num_envs=16, unroll_length=16),
        "yoked": make("yoked", rule=REINFORCE),
    },
    agent=MLP(hidden=(), bias=False),
    total_steps=150_000,
    budgets={name: Budget(600_000) for name in ("truncation", "openai_es")},
    seeds=384,
    points_at=(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.0),
    capability=0.8,
    episodes=128,
    seed=72,
    policies="none",
)

# For accelerators: so many draws of rewards that small differences show.
full = replace(experiment, seeds=4096)
