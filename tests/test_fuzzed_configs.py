"""Configs with mistakes of every kind: each is valid, or refused at once in words that say what is wrong and what is allowed."""

import json
import random
import time

import pytest

from rewardlab.experiment import Experiment, config
from rewardlab.inputs.errors import InputError, show

CASES, SLOWEST = 500, 2.0
BASES = [json.loads(config.load(name).to_json()) for name in ("coinrun", "coinrun_sweep", "validate")]
REQUIRED = ("name", "question", "conditions", "evaluations", "rules")
CALLED = {"env": "world"}  # fields that messages call otherwise
NAMED = ("rules", "conditions", "evaluations", "published")  # whose names are the user's own
VALUES = [None, True, "", "text", "é\u202e", "\ud800", "a\0b", "x" * 10_000, -1, 0, 7, 0.5, -1e308, 10**30, -(10**30), [], {},
          [1], {"a": 1}, [[[]]], float("nan"), float("inf")]  # fmt: skip


def spots(node, path=()):
    """(path, value) of everything in plain data."""
    for name, value in node.items() if isinstance(node, dict) else ():
        yield (*path, name), value
        yield from spots(value, (*path, name))


def parent(plain, path):
    for name in path[:-1]:
        plain = plain[name]
    return plain


def renamed(plain, path, new):
    """The same data, in the same order, with one name changed."""
    inside = parent(plain, path)
    items = [(new if name == path[-1] else name, value) for name, value in inside.items()]
    inside.clear()
    inside.update(items)


def misspelt(draw, name):
    """A typing error in a name of at least three letters: a letter lost, doubled or swapped."""
    i = draw.randrange(1, len(name) - 1)
    return draw.choice(
        [name[:i] + name[i + 1 :], name[:i] + name[i] + name[i:], name[:i] + name[i + 1] + name[i] + name[i + 2 :]]
    )


def has_fixed_names(path):
    """Whether a name is one that the program gives, not the user."""
    return not (len(path) == 2 and path[0] in NAMED)


def put_value(draw, plain):
    path, old = draw.choice(list(spots(plain)))
    numbers = [-old, old * 10**12, old + 0.5, float(old)] if isinstance(old, (int, float)) else []
    value = draw.choice([*VALUES, *numbers, [old], {"x": old}])
    parent(plain, path)[path[-1]] = value
    inside = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [path[-1]], [value, *inside], ()


def misspell_name(draw, plain):
    path, _ = draw.choice([(p, v) for p, v in spots(plain) if len(p[-1]) > 3 and has_fixed_names(p)])
    new = misspelt(draw, path[-1])
    renamed(plain, path, new)
    return ([new], (), [path[-1]]) if new != path[-1] and new not in parent(plain, path[:-1] or path) else ((), (), ())


def misspell_value(draw, plain):
    fixed = ("rule", "env", "control", "activation", "trunk", "agent")
    path, old = draw.choice([(p, v) for p, v in spots(plain) if p[-1] in fixed and isinstance(v, str) and len(v) > 3])
    new = misspelt(draw, old)
    parent(plain, path)[path[-1]] = new
    return ([new], (), [old]) if new != old else ((), (), ())


def drop(draw, plain):
    path, _ = draw.choice(list(spots(plain)))
    del parent(plain, path)[path[-1]]
    return ([path[-1]] if len(path) == 1 and path[-1] in REQUIRED else ()), (), ()


def add(draw, plain):
    inside = draw.choice([plain, *(value for _, value in spots(plain) if isinstance(value, dict))])
    name = draw.choice(["", "__class__", "x", "é", "\ud800", "a\0b", "y" * 5000, "../up", "seeds"])
    inside.setdefault(name, draw.choice(VALUES))
    return (), (), ()


def nest(draw, plain):
    depth = draw.choice([3, 50, 200])
    for _ in range(depth):
        rule = plain["rules"][next(iter(plain["rules"]))]
        plain["rules"] = {"x": {"rule": "yoked", "hyperparameters": {"rule": rule}}}
    return (), (), ()


CHANGES = [put_value, put_value, put_value, misspell_name, misspell_value, drop, add, nest]


def repeat(draw, text):
    lines = text.split("\n")
    i = draw.choice([i for i, line in enumerate(lines) if line.endswith(",") and '": ' in line])
    lines.insert(i, lines[i])
    return "\n".join(lines), [lines[i].split('"')[1]]


def cut(draw, text):
    return text[: draw.randrange(len(text))], ()


def case(number):
    """(text, names, values, nearest) of a fuzzed config; what its message has to hold is known where one thing is wrong."""
    draw = random.Random(number)
    plain = json.loads(json.dumps(draw.choice(BASES)))
    if draw.random() < 0.1:
        text, names = draw.choice([repeat, cut])(draw, json.dumps(plain, indent=2))
        return text, names, (), ()
    count = draw.choice([1, 1, 1, 2, 4])
    for _ in range(count):
        known = draw.choice(CHANGES)(draw, plain)
    return json.dumps(plain), *(known if count == 1 else ((), (), ()))


@pytest.mark.slow
def test_a_fuzzed_config_is_valid_or_refused_in_clear_words():
    valid = 0
    for number in range(CASES):
        text, names, values, nearest = case(number)
        started = time.perf_counter()
        try:
            experiment, message = Experiment.from_json(text), None
        except InputError as error:
            message = str(error)
        what = (number, message)
        assert time.perf_counter() - started < SLOWEST, what
        if message is None:
            again = Experiment.from_json(experiment.to_json())
            assert again == experiment and again.to_json() == experiment.to_json(), what
            valid += 1
            continue
        assert message.isprintable() and len(message) <= 2000, what
        assert "llowed: " in message or " lacks " in message or "no JSON" in message, what
        said = [(show(name)[1:40].rstrip("'"), CALLED.get(name, "")) for name in names]
        assert all(name in message or (called and called in message) for name, called in said), (what, names)
        assert not values or "is empty" in message or any(show(value)[:40] in message for value in values), (
            what,
            values,
        )
        assert all("did you mean" in message for _ in nearest), (what, nearest)
    assert CASES / 20 < valid < CASES / 4


def test_the_same_configs_every_time():
    assert [case(number)[0] for number in range(30)] == [case(number)[0] for number in range(30)]
