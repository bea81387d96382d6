"""How much a program computes, how well it is compiled for that, and how long its updates take."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rewardlab.backend import devices
from rewardlab.running import batches, compiling, effort

ONE = effort.CALL + 5  # an operation on five numbers
FIVE = jnp.zeros(5)


def scanned(x, times=7):
    return jax.lax.scan(lambda x, _: (x + 1.0, None), x, length=times)[0]


@pytest.mark.parametrize(
    ("function", "most", "least"),
    [
        (lambda x: x + 1.0, ONE, ONE),
        (scanned, 7 * ONE, 7 * ONE),
        (lambda x: jax.jit(scanned)(x) + 1.0, 8 * ONE, 8 * ONE),
        (lambda x: jax.lax.map(scanned, jnp.stack([x, x, x])), 22 * ONE + 2000, 21 * ONE),
        (lambda x: jax.lax.cond(x[0] > 0, scanned, lambda x: scanned(x, 20), x), 20 * ONE + 600, 20 * ONE),
        (lambda x: jax.lax.while_loop(lambda x: x[0] < 3, lambda x: x + 1.0, x), 3 * ONE + 600, ONE),
    ],
)
def test_effort_counts_what_is_run(function, most, least):
    assert least <= effort.of(jax.make_jaxpr(function)(FIVE).jaxpr) <= most


@pytest.mark.parametrize(("flags", "much", "level"), [(True, 0.0, 1), (True, 1e30, None), (False, 0.0, None)])
def test_what_computes_much_is_compiled_well_where_all_else_is_compiled_quickly(monkeypatch, flags, much, level):
    given = []
    monkeypatch.setenv("XLA_FLAGS", " ".join(devices.QUICKLY) if flags else "")
    monkeypatch.setattr(effort, "MUCH", much)
    monkeypatch.setattr(batches, "compile_lowered", lambda lowered, platform, more=None: given.append(more))
    batches.compiled(jax.jit(scanned), FIVE)
    assert given == [{"xla_backend_optimization_level": level} if level else None]


def test_what_is_compiled_well_computes_the_same():
    job = batches.Job(jax.jit(lambda x: jnp.tanh(x @ x.T).sum()), (jnp.linspace(-1, 1, 300).reshape(10, 30),))
    well = batches.compile_lowered(*job.lowered(), {"xla_backend_optimization_level": 1})
    np.testing.assert_allclose(well(*job.arguments), job.compiled()(*job.arguments), rtol=1e-5)


CASES = [(0.02, 0.001, 10**9), (0.02, 0.7, 10**9), (0.0, 0.001, 96), (0.0, 0.002, 8)]


@pytest.mark.parametrize(("call", "update", "most"), CASES)
def test_updates_are_timed_as_training_does_them(monkeypatch, call, update, most):
    """A call takes its time, and every update of some 8 steps does: what is told is near the latter's, whatever the former's."""
    clock, calls = [0.0], [0]

    def advance(rule, params, keys, carry, target):
        done = -(-(int(target) - carry.steps.max()) // 8)
        assert done > 0 and int(target) <= most
        calls[0] += 1
        clock[0] += call + update * done + (0.3 if calls[0] == 1 else 0.0)  # the very first call takes longer
        return SimpleNamespace(state=0, steps=carry.steps + done * np.array([6, 8, 10]))

    monkeypatch.setattr(compiling.time, "perf_counter", lambda: clock[0])
    programs = SimpleNamespace(begin=lambda *_: SimpleNamespace(state=0, steps=np.zeros(3)), advance=advance)
    seconds, steps = compiling.first_updates(programs, None, None, np.zeros(3), most)
    assert seconds * 24 / steps == pytest.approx(update, rel=0.5)
