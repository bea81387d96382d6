"""The answer that a report begins with."""

from rewardlab.questions.answering import answer, named, span
from rewardlab.questions.claims import Claims

WORDS = {"rules": {"ppo": "PPO", "ppo-large": "PPO, large", "ppo-raw": "PPO, raw", "a2c": "A2C", "drift": "drift"}}
LEVELS = {"ppo": 4, "ppo-large": 4, "ppo-raw": 4, "a2c": 4, "sarsa": 5, "dqn": 5, "trpo": 4, "drift": 0}


def summary(*rules):
    each = {rule: {"level": LEVELS[rule], "share": 0.1 * (1 + i)} for i, rule in enumerate(rules)}
    return {"rules": each, "words": WORDS}


def test_each_claim_is_told_of_its_rules_and_who_has_none_is_named():
    of = summary("ppo", "a2c", "sarsa", "drift")
    claims = Claims({"runs": ["ppo", "a2c"]}, {}, [])
    ways = {"runs": "agents of {who} ran, in {figures} of episodes", "stays": "{who} stayed"}
    assert answer(of, claims, ways, lambda entry: entry["share"]) == [
        "Agents of PPO and A2C ran, in 10–20 % of episodes.",
        "No claim can be made about sarsa.",
    ]
    both = Claims({"runs": ["ppo"], "stays": ["a2c", "sarsa"]}, {}, [])
    assert answer(of, both, {"runs": "{who} ran", "stays": "{who} stayed"}) == ["PPO ran; A2C and sarsa stayed."]


def test_without_a_claim_that_is_said():
    (said,) = answer(summary("ppo", "drift"), Claims({}, {}, []), {})
    assert said.startswith("No claim can be made about any rule")


def test_rules_are_named_as_briefly_as_can_be():
    of = summary("ppo", "ppo-large", "a2c", "drift")
    assert named(of, ["a2c", "ppo"]) == "PPO and A2C"
    assert named(of, ["ppo-large", "a2c"]) == "PPO (large) and A2C"
    assert named(of, ["ppo", "ppo-large"]) == "PPO"  # all that there are of it
    assert named(summary("ppo", "a2c", "sarsa", "dqn", "trpo"), ["ppo", "a2c", "sarsa", "dqn", "trpo"]) == "5 rules"


def test_the_least_and_the_most():
    assert (span([0.5, 0.25, 0.75]), span([0.5]), span([0.5, 1.5], "return")) == ("25–75 %", "50 %", "0.5–1.5")
