"""How many seeds a batch has where the experiment leaves it open."""

from dataclasses import replace

import jax
import pytest
from small import small

from rewardlab import cli
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import store
from rewardlab.running import account, runner, widths


def test_a_width_of_its_own_stays_and_a_cpu_takes_eight():
    assert widths.decided(Plan(small(width=3))).experiment.width == 3
    assert small().width == 0 and widths.decided(Plan(small())).experiment == replace(small(), width=8)


@pytest.mark.slow(quickly=True)
def test_other_devices_take_what_fits_into_their_memory(monkeypatch):
    """As if the memory were so large; the account is that of the compiled programs, for the CPU."""
    few, many = (widths.needed(Plan(small()), "ppo", width) for width in (4, 16))
    assert many - few > 12 * 64 * 4 * 4  # of 12 seeds more, the observations of their lanes at least
    wider = small(rules={"ppo": small().rules["ppo"].replace(num_envs=256)})
    assert widths.needed(Plan(wider), "ppo", 16) - widths.needed(Plan(wider), "ppo", 4) > 2 * (many - few)
    needs = {"ppo": lambda width: 2_000 + 1_000 * width, "control": lambda width: 90_000 * (width > 40)}
    monkeypatch.setattr(widths, "needed", lambda _, name, width: needs[name](width))
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    for limit, seeds, width in (
        (100_000, 64, 64),  # 66,000 of 90,000; but the control's 90,000 of 90,000 are no more than that, either
        (60_000, 64, 32),
        (100_000, 20, 32),
        (100_000, 9, 16),
        (1e12, 10**4, 4096),
        (10, 9, 1),
    ):
        monkeypatch.setattr(widths, "memory", lambda limit=limit: int(limit))
        assert widths.decided(Plan(small(seeds=seeds))).experiment.width == width
    monkeypatch.setattr(jax, "device_count", lambda: 8)  # no chip of a slice is left without seeds
    monkeypatch.setattr(widths, "memory", lambda: 10**6)
    assert widths.decided(Plan(small(seeds=64))).experiment.width == 8


def test_what_evaluation_needs_counts():
    """An evaluation is made while the batch's training is held."""
    small, large = (account.Need(8, training=100, evaluation=evaluation) for evaluation in (50, 150))
    assert (small.most, large.most) == (100, 150)


def test_a_line_that_promises_too_much_is_not_believed():
    """What two small widths need says nothing of a jump after them: the width that it gives is asked for, too."""

    def needed(name, width):
        if width > 256:
            raise account.TooLarge
        return 100 + 10 * width + (10_000 if width > 64 else 0)

    assert account.fitted(needed, ["one"], 4096, 10_000 / account.SHARE) == 64
    assert account.fitted(needed, ["one"], 16, 10_000 / account.SHARE) == 16
    assert account.fitted(needed, ["one"], 4096, 105) == 0

    def large(name, width):  # so that not even the widths that are tried first fit
        if width > {"one": 20, "two": 3}[name]:
            raise account.TooLarge
        return 10

    assert account.fitted(large, ["one"], 4096, 1000) == 16
    assert account.fitted(large, ["one", "two"], 4096, 1000) == 2
    assert account.line((8, 1080), (32, 1320)) == account.Line(1000, 10)
    assert [account.enough(*x) for x in ((64, 1), (65, 1), (64, 8), (3, 8), (10**6, 1))] == [64, 128, 8, 1, 4096]


def test_a_run_keeps_the_width_it_began_with(tmp_path, monkeypatch):
    path = tmp_path / "run"
    store.create(path, small(width=4))
    assert widths.decided(Plan(small()), path).experiment.width == 4
    (path / "config.json").write_text("{")
    assert widths.decided(Plan(small()), path).experiment.width == 8
    monkeypatch.setattr(runner, "train_all", lambda *_: pytest.fail("no width, no training"))
    store.create(tmp_path / "other", small(width=4))
    with pytest.raises(InputError, match="another width"):
        runner.run(small(width=2), tmp_path / "other", progress=False)
    assert cli.main(["run", "coinrun", "--width", "-1", "--out", str(tmp_path / "new")]) == 2
