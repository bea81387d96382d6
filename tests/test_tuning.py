"""Tuning: what a budget buys, that nothing is lost between rungs, that seeds and levels are apart, and its files."""

import math
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from worlds import Walk

import rewardlab
from rewardlab import cli, rules, training, tuned, tuning
from rewardlab.agents import greedily
from rewardlab.envs import adapter
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.running import batches, compiling
from rewardlab.terminal import table
from rewardlab.terminal.progress import Silent
from rewardlab.tuning import halving, searching, space
from rewardlab.types import Policy, Rule

BUDGET = 100_000


def walk(**changes) -> Experiment:
    """Two rules that start badly, as one hardly moves and the other hardly varies, and one with nothing to search."""
    fields = {
        "name": "walk",
        "question": "?",
        "env": Walk(),
        "conditions": {"plain": Condition()},
        "evaluations": {"plain": {}},
        "rules": {
            "reinforce": rules.make("reinforce", learning_rate=1e-6, num_envs=8, unroll_length=8),
            "truncation": rules.make(
                "truncation", mutation=1e-6, candidates=8, parents=2, num_envs=16, unroll_length=5
            ),
            "yoked": rules.make("yoked"),
        },
        "agent": rewardlab.MLP(hidden=(4,)),
        "total_steps": 1000,
        "episodes": 8,
    }
    return Experiment(**(fields | changes))


def coinrun(**changes) -> Experiment:
    fields = {"env": "coinrun", "env_kwargs": {"levels": 48, "held_out": 16}, "name": "small"}
    return walk(rules={"reinforce": rules.make("reinforce")}, **(fields | changes))


@pytest.fixture(scope="module", name="found")
def _found(tmp_path_factory):
    """One real search, on one device: a second one would compile everything twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "local_devices", lambda: jax.devices()[:1])
        path = tmp_path_factory.mktemp("config") / "tuned" / "walk.json"
        return tuning.tune(walk(), BUDGET, path, progress=False), path


@pytest.mark.slow
def test_the_search_finds_better_settings_than_a_bad_start(found):
    plain, _ = found
    assert list(plain["settings"]) == ["reinforce", "truncation"], "yoked reward has nothing to search"
    scores = {}
    for name, rule in plain["rules"].items():
        scores[name] = [next(one["iqm"] for one in rule["finalists"] if one[what]) for what in ("own", "chosen")]
        assert next(one["setting"] for one in rule["finalists"] if one["chosen"]) == plain["settings"][name]
        assert scores[name][1] == max(one["iqm"] for one in rule["finalists"])
    assert scores["reinforce"][0] < 0.9 and scores["reinforce"][1] > 0.95
    assert plain["settings"]["reinforce"]["learning_rate"] > 1e-3


@pytest.mark.slow
def test_every_rule_has_the_same_budget_and_every_step_counts(found):
    """Recounted from the rungs: what a lane that carries on lives is known, an episode takes 3 to 5 steps."""
    plain, _ = found
    assert all(0.85 * BUDGET < rule["spent"] <= BUDGET for rule in plain["rules"].values())
    rule, update = plain["rules"]["reinforce"], 8 * 8
    lanes = [halving.SEEDS * rung["settings"] for rung in rule["rungs"]]
    fresh = sum(one["n"] for one in rule["finalists"])
    lived = [math.ceil(rung["steps"] / update) * update for rung in rule["rungs"]]
    trained = sum((n - kept) * steps for n, kept, steps in zip(lanes, [*lanes[1:], 0], lived, strict=True))
    evaluated = rule["spent"] - trained - fresh * lived[-1]
    assert 3 <= evaluated / (8 * (sum(lanes) + fresh)) <= 5


@pytest.mark.slow
def test_the_file_is_read_back_as_settings_for_make(found):
    plain, path = found
    assert tuned.read(path) == plain and plain["config"]["name"] == "walk"
    settings = tuned.settings(path)
    made = rules.make("reinforce", num_envs=8, **settings["reinforce"])
    assert made.learning_rate == plain["settings"]["reinforce"]["learning_rate"] and made.num_envs == 8
    assert plain["how"]["budget"] == BUDGET and plain["environment"]["versions"]["jax"] == jax.__version__
    printed = table.tuned_table(plain)
    assert "learning_rate=" in printed and "share of goal" in printed


@pytest.mark.slow
def test_a_damaged_or_missing_file_is_named(found, tmp_path):
    text = found[1].read_text()
    for content in (text[:-20], text.replace('"learning_rate": ', '"learning_rate": 1', 1), "[]", "", "{}"):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(InputError, match=r"bad\.json"):
            tuned.settings(tmp_path / "bad.json")
    with pytest.raises(InputError, match=r"no tuned settings at .*nothing.*rewardlab tune"):
        tuned.settings("nothing")


@struct.dataclass
class Dial(Rule):
    """Adds its rate to every parameter, in every update."""

    level = 0
    whole = False
    rate: float = struct.field(default=0.001, metadata={"range": (0.0, 1.0), "search": (1e-4, 1.0, "log")})
    other: float = 0.5
    lanes: int = struct.field(default=2, pytree_node=False)
    steps: int = struct.field(default=5, pytree_node=False)

    def heads(self, num_actions):
        return {"logits": num_actions}

    def init(self, agent, key):
        return agent.init(key)

    def behave(self, agent, state, key):
        return Policy(state, greedily("logits"))

    def update(self, agent, state, experience, key):
        return jax.tree.map(lambda x: x + self.rate, state), {}

    def deploy(self, agent, state):
        return Policy(state, greedily("logits"))


def test_every_seed_of_a_batch_has_a_setting_of_its_own():
    rule = compiling.strong_rule(Dial(rate=np.array([0.5, 0.0, 2.0])))
    env, keys = Walk(), batches.run_keys(0, np.arange(3))
    params = adapter.set_params(env.default_params, {})
    programs = batches.compile_training(training.setting(env, rule, rewardlab.MLP(hidden=())), rule, params, width=3)
    carry = programs.begin(rule, params, keys)
    first = jax.tree.map(np.asarray, carry.state)
    carry = programs.advance(rule, params, keys, carry, jnp.int32(30))  # three updates of ten steps
    for new, old in zip(jax.tree.leaves(carry.state), jax.tree.leaves(first), strict=True):
        added = (new - old).reshape(3, -1)
        np.testing.assert_allclose(added, np.broadcast_to([[1.5], [0.0], [6.0]], added.shape), atol=1e-5)

    kept = searching.take(rule, [carry], np.array([2, 0]))
    one, other = rule.replace(rate=np.full(3, 1.0, np.float32)), jax.tree.leaves(kept.state)[0]
    for _ in range(2):  # two batches carry on from the same rung: training one leaves the other as it was
        part = searching.take(rule, [kept], np.array([1, 0, 0]))
        more = programs.advance(one, params, keys, part, jnp.int32(60))
        assert int(more.steps) == 60
        np.testing.assert_allclose(jax.tree.leaves(more.state)[0], other[[1, 0, 0]] + 3.0, atol=1e-5)


class Inline:
    """Workers that do the work at once."""

    devices = ("here",)

    def on(self, device, function, *arguments):
        done = Future()
        done.set_result(function(*arguments))
        return done

    def on_any(self, function, *arguments):
        return self.on("here", function, "here", *arguments)


@pytest.mark.parametrize("whole", [False, True])
def test_settings_carry_on_from_where_they_were(monkeypatch, whole):
    """With training that only counts: each lane knows its rate and its seed, and has to meet them again in every rung."""
    asked = []

    def count(device, job, programs, rule, keys, carry, steps, lanes, progress, label):
        who = np.stack([rule.rate, np.asarray(jax.random.key_data(keys[0]), np.float64)[:, 1]], axis=1)
        if carry is not None:
            np.testing.assert_array_equal(carry.state["who"], who)
        before = 0 if carry is None else carry.steps
        now = np.full(len(who), steps, np.int32) if whole else np.int32(steps)
        asked.append(lanes)
        score = -np.abs(np.log(rule.rate) - np.log(0.02)).astype(np.float64)
        spent = np.broadcast_to(now - before, len(who)) + 1
        return searching.Scored(training.Carry({"who": who}, None, now, now, {}, np.ones(len(who), bool)), score, spent)

    monkeypatch.setattr(searching, "train_batch", count)
    monkeypatch.setattr(searching, "compiled", lambda job: None)
    rule = Dial()
    plan = halving.plan(20_000, 320, rule, evaluation=1)
    assert [rung.steps for rung in plan.rungs] == [20, 80, 320]
    interval = space.intervals(rule, "dial")
    candidates = [{"rate": 0.001}, *space.draw(interval, plan.rungs[0].settings - 1, np.random.default_rng(0))]
    kind = type("Kind", (Dial,), {"whole": whole})
    nowhere = training.Setting(None, None)  # training is made up
    job = searching.Task(
        "dial", kind(), interval, candidates, plan, 20_000, nowhere, None, width=8, episodes=1, root=jax.random.key(3)
    )
    found = searching.together({"dial": searching.search(job, Inline(), Silent())})["dial"]
    best = min(candidates, key=lambda one: abs(math.log(one["rate"]) - math.log(0.02)))
    assert found["setting"] == best and 0.85 * 20_000 < found["spent"] <= 20_000
    counts = [rung.settings for rung in plan.rungs]
    assert counts[0] > 50 and counts[1:] == [counts[0] // 4, counts[0] // 16]
    assert sum(asked) == halving.SEEDS * sum(counts) + sum(one["n"] for one in found["finalists"])
    assert [one["own"] for one in found["finalists"]] == [True, False, False, False]


def test_a_plan_never_costs_more_than_its_budget_and_uses_most_of_it():
    for whole, budget, steps, update, evaluation in [
        (False, 10**6, 10_000, 64, 500),
        (True, 10**6, 10_000, 512, 500),
        (True, 10**6, 1000, 4096, 10_000),
        (False, 30 * 10**6, 800_000, 2048, 4096),
        (True, 30 * 10**6, 800_000, 32_768, 4096),
    ]:
        rule = SimpleNamespace(num_envs=update, unroll_length=1, whole=whole)
        rungs, final = halving.plan(budget, steps, rule, evaluation)
        most = [rung.steps + update - 1 + evaluation * (i + 1) for i, rung in enumerate(rungs)]
        counts = [rung.settings for rung in rungs]
        search = 2 * sum((n - k) * cost for n, k, cost in zip(counts, [*counts[1:], 0], most, strict=True))
        search -= 0 if whole else 2 * counts[0] * (update - 1)  # whole updates that overshoot by up to so much
        assert rungs[-1].steps == steps and search <= budget - 2 * halving.FINALISTS * final
        assert search > 0.3 * budget or len(rungs) == 1
    rule = SimpleNamespace(num_envs=64, unroll_length=1, whole=False)
    with pytest.raises(InputError, match=r"allowed: ([\d,]+) or more") as refused:
        halving.plan(1, 1000, rule, 50)
    least = int(str(refused.value).split("allowed: ")[1].split(" or")[0].replace(",", ""))
    assert halving.plan(least, 1000, rule, 50).rungs[0].settings >= halving.FINALISTS
    with pytest.raises(InputError, match="out of range"):
        halving.plan(least - 1, 1000, rule, 50)


def test_seeds_and_evaluations_have_keys_that_no_run_has():
    job = tuning.prepare(Plan(walk()), BUDGET)["reinforce"]
    taken = {tuple(x) for x in np.asarray(jax.random.key_data(batches.run_keys(0, np.arange(10_000))))}
    taken |= {tuple(np.asarray(jax.random.key_data(batches.evaluation_key(walk().seed))))}
    own = {tuple(x) for x in np.asarray(jax.random.key_data(job.seed_keys(np.arange(1000))))}
    own |= {tuple(np.asarray(jax.random.key_data(job.evaluation_key(rung)))) for rung in range(5)}
    assert len(own) == 1005 and not own & taken


@pytest.mark.slow
def test_held_out_levels_stay_unseen():
    """Even where the condition trains on them, or any evaluation asks for them."""
    held_out = Condition({"held_out": True, "moved": 0.5})
    small = coinrun(conditions={"odd": held_out}, evaluations={"held-out": {"held_out": True}}, total_steps=4096)
    job = tuning.prepare(Plan(small), 10**7)["reinforce"]
    keys = jax.random.split(jax.random.key(1), 512)
    _, state = jax.vmap(lambda key: job.setting.env.reset_env(key, job.params))(keys)
    assert set(np.unique(state.level)) == set(range(48))
    assert float(job.params.moved) == 0.5


def test_what_is_drawn_is_uniform_on_its_scale_and_does_not_depend_on_other_rules():
    both, alone = (
        tuning.prepare(Plan(walk()), BUDGET),
        tuning.prepare(Plan(walk(rules={"truncation": walk().rules["truncation"]})), BUDGET),
    )
    assert both["truncation"].candidates == alone["truncation"].candidates
    assert both["truncation"].candidates[0] == {"mutation": 1e-6}, "the config's own, outside of the interval as it is"
    intervals = {
        "a": space.Interval(2.0, 4.0, "linear"),
        "b": space.Interval(1e-4, 1e-1, "log"),
        "c": space.Interval(0.8, 0.999, "log1m"),
    }
    drawn = space.draw(intervals, 100_000, np.random.default_rng(0))
    a, b, c = (np.array([one[name] for one in drawn]) for name in "abc")
    for x, (low, high, _) in zip((a, b, c), intervals.values(), strict=True):
        assert low <= x.min() and x.max() <= high
    logarithm = [(np.log(b), *np.log([1e-4, 1e-1])), (np.log(1 - c), *np.log([0.001, 0.2])), (a, 2.0, 4.0)]
    for x, low, high in logarithm:  # mean and variance of a uniform distribution
        assert abs(x.mean() - (low + high) / 2) / ((high - low) / 12**0.5 / len(x) ** 0.5) < 4.5
        assert abs(x.var() / ((high - low) ** 2 / 12) - 1) / (0.8 / len(x)) ** 0.5 < 4.5
    assert abs(np.corrcoef(a, b)[0, 1]) * len(a) ** 0.5 < 4.5


def test_every_rule_says_where_to_search_or_that_there_is_nothing():
    searched = {name: space.intervals(rules.load(name)(), name) for name in rules.names()}
    assert {name for name, found in searched.items() if not found} == {"fixed", "yoked"}
    assert set(searched["ppo"]) == {"learning_rate", "gamma", "gae_lambda", "clip", "entropy_weight"}


@pytest.mark.parametrize(
    "search",
    [
        (1, 2),
        (0.0, 1.0, "log"),
        (0.5, 1.0, "log1m"),
        (0.5, 0.1, "linear"),
        (0.1, 2.0, "linear"),
        (0.1, 0.2, "exp"),
        None,
        ("a", "b", "log"),
    ],
)
def test_a_search_interval_that_means_nothing_is_named(search):
    @struct.dataclass
    class Odd(Dial):
        rate: float = struct.field(default=0.1, metadata={"range": (0.0, 1.0), "search": search})

    with pytest.raises(InputError, match=r"search of rules\.odd\.rate = .*scales: linear"):
        space.intervals(Odd(), "rules.odd")


BAD = [
    ("tune", "required: NAME_OR_FILE, --budget"),
    ("tune coinrun", "required: --budget"),
    ("tune coinrn --budget 1e6", "did you mean 'coinrun'?"),
    ("tune coinrun --budget many --out a.json", "budget = 'many'"),
    ("tune coinrun --budget 0 --out a.json", "budget = 0 is out of range"),
    (
        "tune coinrun --budget 1e5 --out a.json --env-kwargs.levels 48",
        "or more, for rules.reinforce at steps = 900,000",
    ),
    ("tune coinrun --budget 1e5 --out a.json --rules fixed yoked", "none of the rules declares"),
    ("tune coinrun --budget 1e5 --out a.json --rules pppo", "did you mean 'ppo'?"),
    ("tune coinrun --budget 1e5 --out a.txt", "allowed: the path of a new .json file"),
    ("tune coinrun --budget 1e5 --out there.json", "it is there already"),
    ("tune coinrun --budget 1e5 --out there.json/a.json", "Not a directory"),
    ("tune coinrun --budget 1e5 --out " + "x" * 300 + ".json", "File name too long"),
    ("tune coinrun --budget 1e5 --seedes 3 --out a.json", "did you mean 'seeds'?"),
]


@pytest.mark.parametrize(("line", "said"), BAD)
def test_bad_input_ends_in_one_line_before_anything_compiles(tmp_path, capsys, monkeypatch, line, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batches, "compile_training", lambda *_: pytest.fail("something was compiled"))
    (tmp_path / "there.json").write_text("")
    assert cli.main(line.split(" ")) == 2
    out, err = capsys.readouterr()
    assert out == "" and said in err and err.startswith("rewardlab: ") and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there.json"]


@pytest.mark.slow
def test_the_command_line_tunes_what_the_library_would(tmp_path, capsys, monkeypatch, found):
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(tuning, "tune", lambda *given: asked.append(given) or found[0])
    line = "tune coinrun --budget 3e7 --out new/a.json --rules ppo --steps 400000"
    assert cli.main(line.split()) == 0
    experiment, budget, out = asked[0]
    assert (budget, str(out), experiment.total_steps, list(experiment.rules)) == (
        30_000_000,
        "new/a.json",
        400_000,
        ["ppo"],
    )
    assert "learning_rate=" in capsys.readouterr().out


def test_the_file_goes_beside_its_config(tmp_path):
    assert tuned.place("coinrun", coinrun(name="coinrun")).parts[-3:] == ("configs", "tuned", "coinrun.json")
    assert tuned.place(tmp_path / "question.py", walk()) == tmp_path / "tuned" / "walk.json"
    assert tuned.place(replace(walk(), name="mine"), replace(walk(), name="mine")).parts == ("tuned", "mine.json")
