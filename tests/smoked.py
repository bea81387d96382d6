"""Every experiment at smoke size with two of its rules: one that learns, and one that does not, run to its report."""

from __future__ import annotations

from pathlib import Path

import jax
import pytest

from rewardlab import probes
from rewardlab.experiment import config, override
from rewardlab.rundir import store
from rewardlab.running import runner

NAMES = [name for name in config.names() if not name.startswith("validate")]  # those ask nothing
VARIANTS = [name for name in NAMES if any(name.startswith(f"{other}_") for other in NAMES)]  # in other worlds or sizes


def half(first: int) -> list:
    """Every other name, with its marks."""
    own, seldom = pytest.mark.slow(quickly=True, minutes=3), pytest.mark.slow(seldom=True)
    each = [pytest.param(name, marks=own) for name in NAMES if name not in VARIANTS]
    return each[first::2] + [pytest.param(name, marks=seldom) for name in VARIANTS[first::2]]


def finishes(name: str, folder: Path) -> None:
    """Runs it; every array that its question reads is kept, every figure is drawn, and every rule is told of."""
    loaded = config.load(name)
    whole = config.smoke(loaded)
    assert [*whole.rules] == [*loaded.rules] and [*whole.conditions] == [*loaded.conditions]
    assert {k: type(r) for k, r in whole.rules.items()} == {k: type(r) for k, r in loaded.rules.items()}
    most = max(whole.steps_of(rule) for rule in whole.rules)
    assert most * whole.seeds <= 40_000, most
    assert most * len(whole.conditions) * whole.seeds * len(whole.rules) <= 4_000_000, "some seconds, of grids, too"
    learners = [rule for rule, of in whole.rules.items() if of.level > 1]
    controls = [rule for rule, of in whole.rules.items() if of.level <= 1]
    small = override.override(whole, {"rules": [*learners[:1], *controls[:1]]})
    jax.config.update("jax_debug_key_reuse", False)  # it takes any scan in a scan over keys, under vmap, for reuse
    try:  # in all threads, as programs are compiled in others
        done = runner.run(small, folder / name)
    finally:
        jax.config.update("jax_debug_key_reuse", True)
    assert store.Run(done.path).reported and done.summary["verdict"]
    assert {*done.summary["rules"]} == {*small.rules} and all(x["short"] for x in done.summary["rules"].values())
    read = {array for probe in small.question_asked.probes for array in probes.load(probe).arrays}
    assert read <= {*done.results.data_vars}
    drawn = {file.stem for file in (done.path / "figures").iterdir()}
    assert {*small.question_asked.figures(done.results)} <= drawn
