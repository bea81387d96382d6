"""What a run says while it goes on: what it is doing, and a time left only once that can be known."""

import io

import pytest

from rewardlab.terminal import progress
from rewardlab.terminal.progress import CLEAR, EVALUATION, Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(name="clock")
def _clock(monkeypatch):
    """A clock that stands still until it is set."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def test_no_time_left_before_every_kind_of_work_has_been_measured(clock):
    shown = Progress(1, Terminal())
    shown.expect({"a 0-7": {"a": 1000, EVALUATION: 2}, "b 0-7": {"b": 100}}, workers=1, measured={"a": (1.0, 100)})
    assert shown.time_left() is None and "left" not in shown.line("a 0-7")
    shown.advance(1, "a 0-7", EVALUATION, 3.0)
    assert shown.time_left() is None, "nothing is known of b"
    shown.advance(50, "b 0-7", "b", 10.0)
    assert shown.time_left() == pytest.approx(10 + 3 + 10)
    clock[0] = 2.0
    assert shown.line("b 0-7") == "  5%  b 0-7  0.00M steps/s  0:23 left"
    shown.skip(500, "a 0-7", "a")
    assert shown.time_left() == pytest.approx(5 + 3 + 10) and shown.total == 600 and shown.done == 50


def test_the_time_left_is_shared_by_the_workers_but_a_piece_is_not():
    shown = Progress(1, io.StringIO())
    shown.expect({"a": {"k": 100}, "b": {"k": 100}, "c": {"k": 400}}, workers=4, measured={"k": (1.0, 1.0)})
    assert shown.time_left() == 400
    shown.expect({"a": {"k": 100}, "b": {"k": 100}, "c": {"k": 100}}, workers=2, measured={"k": (1.0, 1.0)})
    assert shown.time_left() == 150


def test_the_time_left_is_right_though_rules_differ_a_hundredfold(clock):
    """Fast pieces come first: by steps alone, 90 % would be done after a tenth of the time."""
    pace = {"fast": 0.001, "slow": 0.1}
    pieces = [(f"{kind} {i}", kind) for kind in pace for i in range(4)]
    shown = Progress(1, io.StringIO())
    shown.expect({piece: {kind: 1000} for piece, kind in pieces}, 1, {kind: (pace[kind] * 13, 10) for kind in pace})
    whole, told = sum(1000 * pace[kind] for _, kind in pieces), []
    for piece, kind in pieces:
        for _ in range(10):
            told.append((shown.time_left(), whole - clock[0]))
            clock[0] += 100 * pace[kind]
            shown.advance(100, piece, kind, 100 * pace[kind])
    assert all(left / 1.5 < said < left * 1.5 for said, left in told)
    assert shown.time_left() == 0


def test_work_that_was_not_planned_by_pieces_is_timed_by_the_clock(clock):
    shown = Progress(100, io.StringIO())
    clock[0] = 60.0  # compiling
    shown.advance(10, "rung 1")
    assert shown.time_left() is None, "how long these took nobody can say"
    clock[0] = 65.0
    shown.advance(10, "rung 1")
    assert shown.time_left() == pytest.approx(40.0)


def test_what_is_shown_on_a_terminal_and_elsewhere():
    terminal, log = Terminal(), io.StringIO()
    for stream in (terminal, log):
        shown = Progress(10, stream)
        shown.stage("Compiling 1 of 7: PPO")
        shown.note("Compiled 1 of 7: PPO, in 3 s")
        shown.advance(5, "ppo")
    assert log.getvalue() == "Compiled 1 of 7: PPO, in 3 s\n"
    lines = terminal.getvalue().split(CLEAR)
    assert lines[1:3] == ["Compiling 1 of 7: PPO ...", "Compiled 1 of 7: PPO, in 3 s\n"] and " 50%  ppo" in lines[3]


def test_where_there_is_no_terminal_nothing_is_silent_for_long(clock):
    log = io.StringIO()
    shown = Progress(100, log)
    shown.stage("Making the world")
    for now in range(0, 100, 5):
        clock[0] = float(now)
        shown.advance(5, "ppo 0-7")
    told = log.getvalue().splitlines()
    assert [line.split()[0] for line in told] == ["25%", "45%", "65%", "85%"] and told[1].endswith("0:55 left")
    clock[0] = 110.0
    shown.stage("Writing the report")
    assert log.getvalue().splitlines()[-1] == "Writing the report ..."
