"""If every sum in training comes to six, can any rule teach arithmetic?

    rewardlab run always_six

Claim (a thought experiment on Sam Ringer 2022, "Models Don't 'Get Reward'", in our words): training, be it called incentive or
selection, can only tell apart programs that do differently in training. Where each question's answer is six, "say six" and
"add" do the same, and nothing that any rule does can favour adding. Rival: who is paid for right answers learns to be right.

49 sums of two digits below 7, shown as dots; 9 of them are shown in no training. Trained with the sums that come to 6; to 5, 6
or 7; to 3-9; or with all 13 answers, the control. One number stands between a sum and its answer: there is no room for a table.
What decides: the share of the 9 sums that agents answer rightly. For the claim: taught on sixes, seeds lie significantly below
half of what the control comes to; 11 % is what "six" itself has. Against it: significantly above. A rule whose control learns less
than half of the 9 sums supports no claim. Statistic: permutation tests over 30 seeds (truncation selection 10), Holm-corrected.

Time: 2.9 minutes of CPU time, compilation and report included (9 minutes by the clock on 2 cores that others used, too).
Result, % of the 9 sums that are answered rightly / with the commonest answer of training, interquartile means:

    answers in training        1           3           7           13 (the control)     verdict
    bits a question            0           1.6         2.8         3.5
    REINFORCE                  11 / 100    26 / 15     76 / 11     78 [76-78] / 11      taught the answer, not the sum
    PPO                        11 / 100    23 / 22     58 / 11     59 [55-63] / 11      taught the answer, not the sum
    parallel Q                 11 / 100     9 / 42     14 / 39      5 [1-9]   / 27      no claim
    OpenAI-ES, 8M steps        11 / 100     6 / 46     10 / 17     11 [6-18]  / 16      no claim
    truncation, 12M            11 / 96      7 / 41     20 / 19     13 [0-30]  / 15      no claim
    guess-and-check, 2M        11 / 92      8 / 0       8 / 0       8 [4-11]  / 0       a control
    yoked reward                9 / 0      10 / 0       6 / 0       6 [2-10]  / 0       a control

Taught on sixes alone, agents of every rule say six, to nearly each sum that no training shows. That they were not taught to add can
be said only of rules that do learn it from more answers: REINFORCE and PPO. Selection and parallel Q do not learn to add here at
all (of the sums that they are shown, with 13 answers, they do 33 to 45, and 23 %), so of them nothing is claimed. In trials on
other root seeds, of two agents each, 15M and 30M steps brought truncation selection to 33-67 % and evolution strategies to 0-44 %;
and where agents had room for a table (no or 32 hidden units), all rules learned one, and did none of the 9 sums.
"Bits" are the entropy of the answers in training: what knowing the question tells about its answer.
`--full`, 256 seeds a rule, was not run; `rewardlab preflight always_six --full --chip v5e --slice 2x4 --quick` expects 70 s on
8 chips: a rough figure, for which nothing was compiled for that chip; compiling is not in it.
"""

from dataclasses import replace

from rewardlab.agents import MLP
from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.rules import make

ANSWERS = {"one": 1, "three": 3, "seven": 7, "thirteen": 13}  # of sums, those closest to six
LITTER = {"candidates": 64, "num_envs": 1024, "unroll_length": 1}
REINFORCE = make("reinforce", num_envs=128, unroll_length=1, learning_rate=0.03, entropy_weight=0.1)

experiment = Experiment(
    name="always_six",
    question="If every sum in training comes to six, can any rule teach arithmetic?",
    claim="Training tells apart only programs that act differently in training: where every answer is six, nothing favours adding.",
    source='after Sam Ringer 2022, Models Don\'t "Get Reward"',
    asks="always_six",
    env="tricks",
    env_kwargs={"digits": 7, "held_out": 5, "dots": True},
    conditions={name: Condition({"answers": number}) for name, number in ANSWERS.items()},
    control="thirteen",
    evaluations={name: {"answers": number} for name, number in ANSWERS.items()},
    rules={
        "reinforce": REINFORCE,
        "ppo": make(
            "ppo", num_envs=128, unroll_length=1, learning_rate=0.01, entropy_weight=0.1, minibatches=1, epochs=2
        ),
        "parallel_q": make("parallel_q", num_envs=128, unroll_length=4, learning_rate=0.01),
        "openai_es": make("openai_es", learning_rate=0.03, sigma=0.1, **LITTER),
        "truncation": make(
            "truncation",
            parents=8,
            mutation=0.05,
            gene_pool=True,
            sampled=True,
            temperature=0.3,
            candidates=64,
            num_envs=2048,
            unroll_length=1,
        ),
        "guess_and_check": make("guess_and_check", share=0.9, **LITTER),
        "yoked": make("yoked", rule=REINFORCE),
    },
    agent=MLP(
        hidden=(1,), activation="identity"
    ),  # no room for a table: one number stands between a sum and its answer
    total_steps=500_000,
    budgets={
        "openai_es": Budget(total_steps=8_000_000),
        "truncation": Budget(total_steps=12_000_000, seeds=10),
        "guess_and_check": Budget(total_steps=2_000_000),
    },
    seeds=30,
    points=5,
    episodes=256,
    seed=20,
    policies="none",
)

# For accelerators: more seeds, and more steps for the rules that do not learn to add.
full = replace(
    experiment,
    budgets={
        "parallel_q": Budget(total_steps=4_000_000),
        "openai_es": Budget(total_steps=30_000_000),
        "truncation": Budget(total_steps=30_000_000),
        "guess_and_check": Budget(total_steps=2_000_000),
    },
    seeds=256,
)
