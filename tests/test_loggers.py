"""Where a run is logged: what each logger writes of made-up moments, what is refused, and real runs."""

import csv
import json
import sys
import types

import numpy as np
import pandas
import pytest

from rewardlab import cli, loggers
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError, StorageError
from rewardlab.running.chunks import Moment

STEPS = np.array([100, 300])


def moment(point=None, **changes):
    """Two seeds between two chunks, or at an evaluation of two worlds with two outcomes."""
    measured, names = {}, {}
    if point is not None:
        measured = {
            "return": np.array([[1.0, 2.0], [3.0, np.nan]], np.float32),
            "outcome_share": np.arange(8, dtype=np.float32).reshape(2, 2, 2),
            "steps": STEPS.astype(np.int32),
            "finite": np.array([True, False]),
        }
        names = {"return": (("test", "far away"),), "outcome_share": (("test", "far away"), ("coin", "end"))}
    given = dict(
        rule="ppo", condition="end", seeds=(4, 5), steps=STEPS, log={"loss": np.array([0.5, 1.5], np.float32)},
        point=point, measured=measured, names=names,
    )  # fmt: skip
    return Moment(**given | changes)


def logged(name, out, *moments, process=""):
    with loggers.opened([name], out, process) as log:
        for one in moments:
            log(one)


def test_numbers_have_the_names_of_what_they_are_of():
    found = loggers.numbers(moment(point=3))
    assert found["return/far away"][0] == 2 and np.isnan(found["return/far away"][1])
    assert found["outcome_share/far away/coin"].tolist() == [2, 6] and found["log/loss"].tolist() == [0.5, 1.5]
    assert "steps" not in found and found["finite"].tolist() == [1, 0]
    assert loggers.means(moment(point=3))["return/far away"] == 2.0, "of the seeds that have a number"
    unnamed = loggers.numbers(moment(point=3, names={}))
    assert unnamed["outcome_share/1/0"].tolist() == [2, 6]


def test_csv_can_be_read_while_it_is_written_and_is_appended_to(tmp_path):
    with loggers.opened("csv", tmp_path) as log:
        log(moment())
        first = pandas.read_csv(tmp_path / "logs" / "log.csv")
        log(moment(point=3))
    assert first.to_dict("list") == {
        "rule": ["ppo"] * 2, "condition": ["end"] * 2, "seed": [4, 5], "steps": [100, 300],
        "point": pytest.approx([np.nan] * 2, nan_ok=True), "name": ["log/loss"] * 2, "value": [0.5, 1.5],
    }  # fmt: skip
    logged("csv", tmp_path, moment())
    rows = list(csv.DictReader((tmp_path / "logs" / "log.csv").open()))
    assert sum(row["name"] == "log/loss" for row in rows) == 6 and not any(row["seed"] == "seed" for row in rows)
    of = [row for row in rows if row["name"] == "outcome_share/far away/end"]
    assert [(row["seed"], row["point"], row["value"]) for row in of] == [("4", "3", "3.0"), ("5", "3", "7.0")]


def test_json_lines_hold_a_seed_each_and_no_nan(tmp_path):
    logged("jsonl", tmp_path, moment(), moment(point=0), process="1")
    lines = (tmp_path / "logs" / "log-1.jsonl").read_text().splitlines()
    read = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert [(row["seed"], row["steps"], row["point"]) for row in read] == [
        (4, 100, None), (5, 300, None), (4, 100, 0), (5, 300, 0),
    ]  # fmt: skip
    assert read[3]["values"]["return/far away"] is None and read[0]["values"] == {"log/loss": 0.5}


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_a_line_that_was_cut_off_spoils_no_other(tmp_path, name):
    logged(name, tmp_path, moment())
    file = tmp_path / "logs" / f"log.{name}"
    whole = file.read_bytes()
    file.write_bytes(whole[:-7])  # it was killed while it wrote
    logged(name, tmp_path, moment())
    assert file.read_bytes() == whole[:-7] + b"\n" + whole.removeprefix(
        b"rule,condition,seed,steps,point,name,value\r\n"
    )
    logged(name, tmp_path, moment())
    assert file.read_bytes().count(b"\n\n") == 0


def test_what_can_not_be_written_at_the_end_is_said_in_a_line(tmp_path):
    class Full:
        def __init__(self, *_): ...
        def write(self, _): ...
        def close(self):
            raise OSError(28, "No space left on device")

    log = loggers.Opened([loggers.Logger(Full)], tmp_path, "")
    log(moment())
    with pytest.raises(InputError, match=r"can't write to .*No space left on device"):
        log.close()
    log.close()  # and once


class FakeWriter:
    made: dict = {}

    def __init__(self, folder):
        self.told, self.flushed, self.closed = [], 0, False
        self.made[folder] = self

    def add_scalar(self, tag, value, step):
        self.told.append((tag, value, step))

    def flush(self):
        self.flushed += 1

    def close(self):
        self.closed = True


def test_tensorboard_is_given_means_over_the_seeds_of_each_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeWriter, "made", {})
    monkeypatch.setitem(sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=FakeWriter))
    logged("tensorboard", tmp_path, moment(), moment(point=1), moment(rule="drift"))
    one = FakeWriter.made[str(tmp_path / "logs" / "tensorboard" / "ppo" / "end" / "4-5")]
    assert one.told[0] == ("log/loss", 1.0, 200) and ("return/test", 2.0, 200) in one.told
    assert len(FakeWriter.made) == 2 and one.flushed == 2 and all(w.closed for w in FakeWriter.made.values())


class FakeRun:
    def __init__(self, **given):
        self.given, self.metrics, self.told, self.finished = given, {}, [], False

    def define_metric(self, name, step_metric=None, hidden=False):
        self.metrics[name] = step_metric

    def log(self, told):
        self.told.append(told)

    def finish(self):
        self.finished = True


def test_wandb_is_told_the_experiment_and_each_batch_on_an_axis_of_its_own(tmp_path, monkeypatch):
    made = []
    fake = types.SimpleNamespace(init=lambda **given: made.append(FakeRun(**given)) or made[-1])
    monkeypatch.setitem(sys.modules, "wandb", fake)
    (tmp_path / "config.json").write_text('{"name": "tiny"}')
    for _ in range(2):  # the second one goes on
        logged("wandb", tmp_path, moment(), moment(point=1))
    run, again = made
    assert run.given["config"] == {"name": "tiny"} and run.given["name"] == tmp_path.name
    assert run.given["id"] == again.given["id"] and run.given["resume"] == "allow"
    assert run.metrics == {"ppo/end/4-5/steps": None, "ppo/end/4-5/*": "ppo/end/4-5/steps"}
    assert run.told[0] == {"ppo/end/4-5/log/loss": 1.0, "ppo/end/4-5/steps": 200.0} and run.finished


def test_a_file_of_the_users_own_is_a_logger(tmp_path, file):
    path = file(
        "prints.py",
        """
        from rewardlab.loggers import Logger, series

        class Prints:
            def __init__(self, folder, process):
                self.told = (folder / "mine.txt").open("w")
            def write(self, moment):
                print(series(moment), file=self.told)
            def close(self):
                self.told.close()

        logger = Logger(Prints)
        """,
    )
    logged(str(path), tmp_path / "run", moment())
    assert (tmp_path / "run" / "logs" / "mine.txt").read_text() == "ppo/end/4-5\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["csw"], "unknown logger 'csw'; did you mean 'csv'? Allowed: csv, jsonl, tensorboard, wandb"),
        (["csv", "csv"], "logger 'csv' is given twice"),
        (["wandb"], "needs wandb, which can't be imported"),
        (["wandb"], 'allowed: pip install "rewardlab[wandb]", or another logger, as csv, jsonl'),
        (["tensorboard"], 'pip install "rewardlab[tensorboard]"'),
    ],
)
def test_what_can_not_log_is_said_before_anything_is_done(tmp_path, monkeypatch, capsys, given, said):
    monkeypatch.chdir(tmp_path)
    for module in ("wandb", "tensorboardX"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    monkeypatch.setattr("rewardlab.running.runner.run", lambda *_, **__: pytest.fail("it began"))
    words = [word for name in given for word in ("--log", name)]
    assert cli.main(["run", "coinrun", "--smoke", *words]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1 and not any(tmp_path.iterdir())


def test_what_is_no_logger_is_refused_and_a_full_disk_is_a_failure(tmp_path, file):
    with pytest.raises(InputError, match=r"`logger` in .* is 3; allowed: a rewardlab\.loggers\.Logger"):
        loggers.load(file("three.py", "logger = 3"))
    (tmp_path / "logs").write_text("")
    with pytest.raises(InputError, match="can't write to") as problem:
        logged("csv", tmp_path, moment())
    assert problem.value.code == 1
    with loggers.opened([], tmp_path) as log:
        assert log is None


def test_what_a_service_can_not_do_is_said_in_a_line(tmp_path, file):
    path = file("service.py", """
from rewardlab.loggers import Logger

def refuse(folder, process):
    raise RuntimeError("nobody is\\nlogged in")

logger = Logger(refuse)
""")  # fmt: skip
    with pytest.raises(StorageError, match=r"can't be logged: 'RuntimeError: nobody is.nlogged in'; without --log"):
        logged(str(path), tmp_path, moment())


def test_each_logger_says_what_it_writes_and_a_plan_names_what_is_measured():
    import tiny

    from rewardlab.inputs import registry

    for path in loggers.FAMILY.names().values():
        assert registry.outline(path).doc
    plan = Plan(tiny.experiment())
    named = plan.layout.names("point", {"evaluation": ("test",)})
    assert named["return"] == (("test",),) and named["steps"] == ()
    assert [len(names) for names in named["outcome_share"]] == [1, len(plan.layout.axes["outcome"])]


@pytest.mark.slow(quickly=True)
def test_a_run_is_logged_as_it_goes_on_whatever_its_evaluations_are_called(tmp_path, monkeypatch, file, one_device):
    """The command line, for an evaluation with a blank in its name: the log has what the results have, and films are found."""
    import tiny

    import rewardlab

    asked = tiny.experiment(
        rules={"reinforce": tiny.experiment().rules["reinforce"]}, evaluations={"far away": {}}, total_steps=256, seeds=2
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    config = file("asked.json", asked.to_json())
    assert cli.main(["run", str(config), "--out", "run", "--log", "csv"]) == 0
    found = rewardlab.open_run("run").results["return"].sel(rule="reinforce", evaluation="far away")
    rows = pandas.read_csv("run/logs/log.csv")
    rows = rows[rows.name == "return/far away"]
    assert len(rows) == len(asked.conditions) * 2 * len(found.point) and rows.point.nunique() == len(found.point)
    for row in rows.itertuples():
        assert row.value == found.sel(condition=row.condition, seed=row.seed, point=row.point)
    assert (tmp_path / "run" / "replays" / "reinforce--far away.gif").is_file()
    assert "far away" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_event_files_hold_what_tensorboard_reads(tmp_path):
    board = pytest.importorskip("tensorboardX", reason="the test above has the same with a stand-in")
    logged("tensorboard", tmp_path, moment(), moment(point=1))
    (file,) = (tmp_path / "logs" / "tensorboard" / "ppo" / "end" / "4-5").glob("events.*")
    content, found = file.read_bytes(), []
    while content:  # records: uint64 length, its CRC, the event, its CRC
        length = int.from_bytes(content[:8], "little")
        event = board.proto.event_pb2.Event.FromString(content[12 : 12 + length])
        found += [(value.tag, value.simple_value, event.step) for value in event.summary.value]
        content = content[16 + length :]
    assert ("log/loss", 1.0, 200) in found and ("return/far_away", 2.0, 200) in found


@pytest.mark.slow
def test_wandb_keeps_a_run_off_line(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="the test above has the same with a stand-in")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"name": "tiny"}')
    logged("wandb", tmp_path / "run", moment(), moment(point=1))
    (file,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    content = file.read_bytes()
    assert b"ppo/end/4-5/return/far away" in content and b"tiny" in content
