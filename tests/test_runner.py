"""The main job end to end, small: experiment -> run directory -> report, through the library and the command line."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import rewardlab
from rewardlab import cli, rules
from rewardlab.experiment import Condition, Experiment
from rewardlab.inputs.errors import InputError
from rewardlab.probes.outcomes import counted
from rewardlab.rundir import store

pytestmark = pytest.mark.slow

SIZE = {"num_envs": 16, "unroll_length": 64}


def small(**changes) -> Experiment:
    fields = {
        "name": "small",
        "question": "Does the machinery work?",
        "env_kwargs": {"levels": 48, "held_out": 16},
        "conditions": {"end": Condition({"moved": 0.0}), "half": Condition({"moved": 0.5}, seeds=2)},
        "control": "half",
        "evaluations": {"held-out": {"held_out": True}, "detour": {"held_out": True, "moved": 1.0, "behind": 0.0}},
        "rules": {
            "ppo": rules.make("ppo", **SIZE),
            "truncation": rules.make("truncation", candidates=8, parents=2, **SIZE),
        },
        "agent": rewardlab.MLP(hidden=(8,)),
        "total_steps": 4000,
        "seeds": 5,
        "points": 2,
        "episodes": 16,
        "width": 2,
    }
    return Experiment(**(fields | changes))


@pytest.fixture(scope="module", name="finished")
def _finished(tmp_path_factory):
    return rewardlab.run(small(), out=tmp_path_factory.mktemp("runs") / "small", progress=False)


def test_the_run_directory_is_complete(finished):
    names = {str(p.relative_to(finished.path)) for p in finished.path.rglob("*") if p.is_file()}
    assert {"config.json", "environment.json", "results.nc", "summary.json", "report.html"} <= names
    assert {f"replays/{r}--{e}.gif" for r in ("ppo", "truncation") for e in ("held-out", "detour")} <= names
    assert {"figures/learning.png", "figures/outcomes.png", "figures/control.png"} <= names
    assert store.open_run(finished.path).experiment == small()


def test_what_was_trained_can_be_watched(finished, tmp_path, capsys):
    film = tmp_path / "film.gif"
    run = str(finished.path)
    words = ["watch", "coinrun", "--agent", run, "--out", str(film), "--moved", "1"]
    assert cli.main([*words, "--rule", "truncation"]) == 0 and film.stat().st_size > 1000
    assert cli.main([*words, "--rule", "trunction"]) == 2 and "truncation" in capsys.readouterr().err
    assert cli.main(["watch", "corner", "--agent", run]) == 2 and "a run in 'coinrun'" in capsys.readouterr().err
    assert cli.main(["watch", "coinrun", "--rule", "ppo"]) == 2 and "--agent RUN" in capsys.readouterr().err


def test_the_summary_says_what_reward_can_reach(finished):
    rows = {row["rule"]: row for row in finished.summary["audit"]}
    assert list(rows) == ["ppo", "truncation"]
    assert rows["ppo"]["gradient"] == {"logits": ["trunk", "logits"], "value": ["trunk", "value"]}
    assert rows["truncation"]["enters"] == "choices"
    assert "What reward can reach" in (finished.path / "report.html").read_text()


def test_every_seed_is_in_the_results(finished):
    results = finished.results
    assert dict(results.sizes) == {
        "rule": 2, "condition": 2, "seed": 5, "point": 3, "evaluation": 2, "outcome": 4, "reference": 5,
    }  # fmt: skip
    share = results["outcome_share"]
    np.testing.assert_allclose(share.sel(condition="end").sum("outcome"), 1.0, atol=1e-6)
    assert share.sel(condition="half", seed=[2, 3, 4]).isnull().all()
    np.testing.assert_allclose(share.sel(outcome="coin"), results["return"], atol=1e-6)
    steps = results["steps"].sel(condition="end")
    assert (steps.isel(point=0) == 0).all()
    assert (steps.sel(rule="ppo").isel(point=[1, 2]) == [2048, 4096]).all()  # whole updates of 16 × 64
    assert (steps.isel(point=2) >= 4000).all() and (steps.isel(point=2) < 4000 + 16 * 64).all()
    assert list(results["level"].values) == [4, 2]
    references = results["reference_share"].sel(evaluation="held-out", outcome="coin")
    assert float(references.sel(reference="optimal")) == 1.0
    assert float(references.sel(reference="random")) < 0.3


def test_a_finished_run_is_not_repeated_and_another_is_refused(finished):
    before = (finished.path / "results.nc").stat().st_mtime_ns
    again = rewardlab.run(small(), out=finished.path, progress=False)
    assert again.finished and (again.path / "results.nc").stat().st_mtime_ns == before
    with pytest.raises(InputError, match=r"holds another run \(other total_steps"):
        rewardlab.run(small(total_steps=5000), out=finished.path, progress=False)


def test_params_that_the_world_refuses_leave_nothing_behind(tmp_path):
    """A share above one, and episodes that do not fit: refused before anything compiles."""
    with pytest.raises(InputError, match="moved"):
        rewardlab.run(small(conditions={"end": Condition({"moved": 2.0})}, control=None), out=tmp_path / "a")
    with pytest.raises(InputError, match="64 or more, for whole episodes"):
        short = rules.make("truncation", candidates=8, parents=2, num_envs=16, unroll_length=10)
        rewardlab.run(small(rules={"truncation": short}), out=tmp_path / "b")
    assert not list(tmp_path.iterdir())


def test_other_seeds_and_rules_change_nothing(finished, tmp_path, one_device):
    """Three of the five seeds and one of the two rules, on one device in place of two, give the same numbers, to the bit."""
    less = small(seeds=3, rules={"truncation": small().rules["truncation"]})
    part = rewardlab.run(less, out=tmp_path / "part", progress=False).results
    whole = finished.results.sel(rule=["truncation"]).isel(seed=slice(3))
    for name in ("outcome_share", "return", "length", "steps"):
        np.testing.assert_array_equal(part[name].values, whole[name].values)


def test_a_world_that_names_no_outcomes_ends_for_good_or_by_the_clock():
    no, every = [False, False, False], [True, True, True]
    signals = {"reward": jnp.array([[1.0, 1.0, 1.0], [1.0, 1.0, 9.0]])}
    terminated = jnp.array([no, [True, False, False]])
    truncated = jnp.array([[False, False, True], [True, True, False]])
    lived = jnp.array([every, [True, True, False]])
    seen = SimpleNamespace(terminated=terminated, truncated=truncated, mask=lived, signals=signals)
    result = counted(object(), seen)
    np.testing.assert_allclose(result.share, [1 / 3, 2 / 3], rtol=1e-6)
    assert float(result.returns) == float(result.length) == pytest.approx(5 / 3)


def test_a_gymnax_world_by_name_without_any_shift(tmp_path, one_device):
    """Nothing to override in training or evaluation; no outcomes, no drawing, no references."""
    plain = small(
        env="CartPole-v1",
        env_kwargs={},
        capable_return=475.0,
        conditions={"plain": Condition()},
        control=None,
        evaluations={"plain": {}},
        rules={"ppo": rules.make("ppo", **SIZE)},
        seeds=2,
        points=1,
    )
    run = rewardlab.run(plain, out=tmp_path / "pole", progress=False)
    assert (run.results["return"].isel(point=1) >= 8).all()
    assert (run.path / "report.html").is_file()
