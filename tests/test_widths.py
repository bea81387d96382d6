"""How many seeds a batch has where the experiment leaves it open."""

from dataclasses import replace

import pytest
from small import small

from rewardlab import cli
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.rundir import store
from rewardlab.running import runner, widths


def test_a_width_of_its_own_stays_and_a_cpu_takes_eight():
    assert widths.decided(Plan(small(width=3))).experiment.width == 3
    assert small().width == 0 and widths.decided(Plan(small())).experiment == replace(small(), width=8)


@pytest.mark.slow(quickly=True)
def test_other_devices_take_what_fits_into_their_memory(monkeypatch):
    """As if the memory were so large; the account is that of the compiled programs, for the CPU."""
    need = {name: widths.bytes_per_seed(Plan(small()), name) for name in small().rules}
    assert need["ppo"] > 64 * 4 * 4  # its lanes' observations at least
    wider = small(rules={"ppo": small().rules["ppo"].replace(num_envs=256)})
    assert widths.bytes_per_seed(Plan(wider), "ppo") > 2 * need["ppo"]
    monkeypatch.setattr(widths, "bytes_per_seed", lambda _, name: {"ppo": 1000.0, "control": 500.0}[name])
    for limit, seeds, width in (
        (100_000, 64, 32),
        (100_000, 20, 32),
        (100_000, 9, 16),
        (1e12, 10**4, 4096),
        (10, 9, 1),
    ):
        monkeypatch.setattr(widths, "memory", lambda limit=limit: int(limit))
        assert widths.decided(Plan(small(seeds=seeds))).experiment.width == width


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
