"""Why does one rule need more moved levels than another before it goes for the coin?

    rewardlab run coinrun_explanations
    rewardlab run coinrun_explanations --small

Each explanation is tried apart. PPO and OpenAI-ES with one hidden layer of 16, under five shares of moved levels, with one
thing changed at a time: PPO's bonus for entropy, the steps (2 and 4 times as many), the step size, the size of perturbations,
how candidates act while they are tested, and how loud the coin is among the inputs (a quarter, half and twice the gain that
unit variance gives it, which is 1, 2 and 8 in place of 4). With the coin moved every policy is evaluated greedily, and drawing
its actions at temperature .3 and 1. OpenAI-ES lives half of the main job's steps here, so that 2 times as many are those; in
`--small`, which has four shares and 5 seeds and so no intervals, a quarter. Half doses are compared by their intervals: no
test is made.

Measured with `--small`: 28.7 minutes of CPU time on 2 cores. No one change makes the two alike: with 5 % of moved levels OpenAI-ES
takes .5 % of moved coins at most, PPO 6 % and more under every change. Without a bonus for entropy PPO takes 38 % at a detour and
68 % behind, with one 47 % and 84 %, with the coin's gain at 1 only 13 % and 6 %. With 25 % of moved levels OpenAI-ES takes 7 % and
9 %; 29 % and 44 % after 4 times the steps, 25 % and 46 % with the coin's gain at 8. The whole one was not run: 7e9 steps, 4.6 times
as many.
"""

from dataclasses import replace

from rewardlab.experiment import Budget, Condition, Experiment
from rewardlab.experiment.config import load

SHARES = (0.0, 0.05, 0.1, 0.25, 0.5)
main = load("coinrun")
PPO, ES = main.rules["ppo"], main.rules["openai_es"]
CHANGED = {
    "ppo": PPO,
    "ppo-no_entropy_bonus": PPO.replace(entropy_weight=0.0),
    "ppo-entropy_bonus_x_10": PPO.replace(entropy_weight=10 * PPO.entropy_weight),
    "ppo-step_size_over_4": PPO.replace(learning_rate=PPO.learning_rate / 4),
    "openai_es": ES,
    "openai_es-sigma_over_2": ES.replace(sigma=ES.sigma / 2),
    "openai_es-sigma_x_2": ES.replace(sigma=2 * ES.sigma),
    "openai_es-step_size_over_2": ES.replace(learning_rate=ES.learning_rate / 2),
    "openai_es-step_size_x_2": ES.replace(learning_rate=2 * ES.learning_rate),
    "openai_es-tested_at_temperature_1": ES.replace(temperature=1.0),
    "openai_es-tested_greedily": ES.replace(sampled=False),
}
LONGER = {"ppo": PPO, "openai_es": ES}  # with 2 and 4 times the steps
COIN = {"1": 0.25, "2": 0.5, "8": 2.0}  # the coin's gain among the inputs, and the factor that makes it so
PLAIN = {"held_out": True}
MOVED = {name: params for name, params in main.evaluations.items() if params != PLAIN}


def explanations(shares, es_steps: int, **sizes) -> Experiment:
    """Every change under every share. es_steps: what OpenAI-ES lives where its steps are not what is changed."""
    loud = {f"{rule}-coin_gain_{gain}": factor for rule in LONGER for gain, factor in COIN.items()}
    long = {f"{rule}-{times}_x_steps": times for rule in LONGER for times in (2, 4)}
    rules = CHANGED | {name: LONGER[name.partition("-")[0]] for name in (*long, *loud)}
    steps = {name: es_steps if name.startswith("openai_es") else main.total_steps for name in rules}
    return replace(
        main,
        name="coinrun_explanations",
        question="Why does one rule need more moved levels than another before it goes for the coin?",
        env_kwargs={"seed": 17},
        conditions={f"p{round(100 * share)}": Condition({"moved": share, "behind": 0.5}) for share in shares},
        control="p50",
        evaluations=main.evaluations | {f"{name}-at-{t}": MOVED[name] for name in MOVED for t in (0.3, 1)},
        temperatures={f"{name}-at-{t}": t for name in MOVED for t in (0.3, 1)},
        rules=dict(sorted(rules.items(), key=lambda item: item[0].startswith("openai_es"))),
        agents={name: replace(main.agent, gains=(1.0, 1.0, factor, 1.0, 1.0)) for name, factor in loud.items()},
        budgets={name: Budget(n * long.get(name, 1)) for name, n in steps.items()},
        seed=17,
        **sizes,
    )


experiment = explanations(SHARES, 8_000_000, points=8, seeds=10, width=5)
small = explanations((0.0, 0.05, 0.25, 0.5), 4_000_000, points=4, seeds=5, width=5)
