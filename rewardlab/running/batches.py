"""Seeds in batches of a fixed width, spread over all devices: how the pure functions of one seed become compiled programs.

Every batch runs one and the same single-device program, so a seed's bits depend on its number and on the width, and not on
its slot, its batch, the number of batches or of devices. (One program partitioned over several devices rounds differently
from the one for a single device.) The width is part of a run's identity: it changes the order of floating-point sums.
"""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from rewardlab import training
from rewardlab.backend import devices
from rewardlab.backend.randomness import key_for
from rewardlab.collect import parts
from rewardlab.envs import adapter
from rewardlab.envs.tasks import tasked
from rewardlab.envs.world import offers
from rewardlab.probes import Coordinates, Probe, Subject, measured
from rewardlab.probes.outcomes import played
from rewardlab.probes.outcomes import probe as outcomes
from rewardlab.running import effort
from rewardlab.types import Policy, Rule

if TYPE_CHECKING:
    from rewardlab.running.recording import Recorder

# Folded into the root key for what is not a seed's; seeds are numbered from 0 and never reach them.
EVALUATION, REPLAY, TUNING = 1_000_000_007, 1_000_000_009, 1_000_000_021
FORK = 2**31  # folded into a run's key, with what follows; updates are numbered from 0 and never reach them
OUTCOMES = {"outcomes": outcomes}


class Programs(NamedTuple):
    """The compiled programs of one rule on one device; leading axis of carries (but see `axes`) and policies: one batch's seeds.

    params: of all, or, where seeds have tasks of their own, of each (`tasks.tasked`).
    begin(rule, params, run_keys, weights) -> carry
    advance(rule, params, run_keys, carry, target, weights) -> carry; the given carry is consumed
    policy(rule, carry) -> the parameters to evaluate
    revise(rule, params, run_keys, carry) -> {field of params: its values from now on}, of a world that has `revised`; else None

    weights: of signals as reward, as `training.update` has them; not given where they were compiled without.
    Hyperparameters of the rule that are scalars are the batch's, those that are float32[width] each seed's own.
    """

    begin: Any
    advance: Any
    policy: Any
    revise: Any = None


def divided(seeds: Iterable[int], width: int) -> list[np.ndarray]:
    """Batches int32[width] of seeds; the last one is padded with repeats of its last seed."""
    seeds = list(seeds)
    batches = [seeds[i : i + width] for i in range(0, len(seeds), width)]
    return [np.array(batch + batch[-1:] * (width - len(batch)), np.int32) for batch in batches]


def run_keys(root: int | jax.Array, seeds: np.ndarray, forks: tuple[int, ...] = (), ends: int = 1) -> jax.Array:
    """Each seed's own key, key[S]: a function of the root, a number or a key, and of the seed's number alone.

    ends: in how many seeds, one after the other, each run that began ends, where it forks. forks: of each phase so far, in how many
    it parted what there was; seeds that have not parted yet share a key, and the first of those that part keeps it.
    """
    root = jax.random.key(root) if isinstance(root, int) else root
    keys, left = jax.vmap(partial(jax.random.fold_in, root))(seeds // ends), ends
    for phase, parted in enumerate(forks):
        left //= parted
        which = np.asarray(seeds) // left % parted
        other = jax.vmap(jax.random.fold_in)(keys, np.uint32(FORK + phase * 2**15) + which.astype(np.uint32))
        chosen = jnp.where(which[:, None] == 0, jax.random.key_data(keys), jax.random.key_data(other))
        keys = jax.random.wrap_key_data(chosen, impl=jax.random.key_impl(keys))
    return keys


def evaluation_key(root: int) -> jax.Array:
    """One key for every evaluation of a run: all policies are compared on the same levels."""
    return jax.random.fold_in(jax.random.key(root), EVALUATION)


def axes(rule: Rule) -> training.Carry:
    """Which parts of a carry have an axis of seeds: all but the counts of a rule whose lanes carry on, which are the same for all.

    A loop that might end sooner for some seeds than for others would copy all of the state in every update, replay included.
    """
    every: Any = 0
    counts: Any = 0 if rule.whole else None
    return training.Carry(
        state=every, lanes=every, steps=counts, updates=counts, log=every, finite=every, records=every, met=every
    )


def compiled(function, *arguments, place: Sharding | None = None):
    """A jitted function, compiled for arguments like these: on jax's default device, or on those of `place`, even if not here."""
    return Job(function, arguments).compiled(place)


def compile_lowered(lowered, platform: str, more: Mapping[str, Any] | None = None):
    """Compiles what was traced and lowered, so that its bits on a CPU don't depend on the number of threads.

    XLA gives long sums to a library that splits them among its threads. Only matrix products are left to it here. And it
    wraps single operations as if they were fused, for a compiler that takes more than a megabyte for each. No operation but
    a scatter needs that. more: options beside these.
    """
    if platform != "cpu":
        return lowered.compile(more)
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT", **(more or {})}
    code = io.BytesIO()
    lowered.compiler_ir().operation.write_bytecode(code)
    if b"scatter\0" not in code.getvalue():  # among the names of the operations, or a part of one
        options["xla_disable_hlo_passes"] = "fusion-wrapper"
    devices.release_memory()
    program = lowered.compile(options)
    devices.release_memory()
    return program


def exact(function, platform: str | None = None):
    """The function, with float32 products in float32 on a TPU, which rounds them otherwise: all but those of the networks' layers,
    which say so themselves (`agents/dense.py`). What the user has set for jax stays.
    """
    settings: Any = jax.config
    if (platform or devices.backend()) != "tpu" or settings.jax_default_matmul_precision is not None:
        return function

    @functools.wraps(function)
    def exactly(*given):
        with jax.default_matmul_precision("highest"):
            return function(*given)

    return exactly


STATE_BYTES = 2**23  # a state that no longer stays in a core's cache with what else is read


def fills_a_core(s: training.Setting, rule: Rule) -> bool:
    """Whether one seed alone keeps a CPU's core busy, where episodes are seen whole: seeds of a batch then go one after the other.

    By its candidates: each seed then waits for its own only, and what it reads stays in the core's cache. Or by its state, a
    replay mostly: seeds live different numbers of steps, and a loop over them all would copy every state in every update (`axes`).
    """
    if not (rule.whole and devices.branches_well(s.platform)):
        return False
    key = jax.eval_shape(lambda: jax.random.key(0))
    # Each seed may have numbers of its own: here one is enough.
    one = jax.tree.map(lambda x: jax.ShapeDtypeStruct((), jnp.asarray(x).dtype), rule)
    state = jax.eval_shape(lambda rule, k: rule.init(s.agent, key_for(rule.init, k)), one, key)
    if sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state)) > STATE_BYTES:
        return True
    if not rule.candidates:
        return False
    params = jax.eval_shape(lambda rule, state, k: rule.behave(s.agent, state, k).params, one, state, key)
    assert s.agent.obs is not None  # of agents that `agents.make` made
    obs = jax.ShapeDtypeStruct((rule.num_envs, *s.agent.obs.shape), s.agent.obs.dtype)
    return parts(params, obs, rule.candidates) > 1


def one_by_one(function, rule: Rule, params, keys: jax.Array, carry, each: int | None = None):
    """function(rule, params, key, carry) of each seed; what repeats the seed before it, as padding does, is not computed.

    each: 0 where every seed has params of its own (`tasks`).
    """
    at = lambda i, tree: jax.tree.map(lambda x: x[i] if jnp.ndim(x) else x, tree)  # noqa: E731
    told = [x for x in (*jax.tree.leaves(rule), jax.random.key_data(keys)) if jnp.ndim(x)]

    def turn(i, carry):
        repeats = (i > 0) & jnp.stack([(x[i] == x[i - 1]).all() for x in told]).all()
        own = params if each is None else at(i, params)
        before, here = lambda: at(i - 1, carry), lambda: function(at(i, rule), own, keys[i], at(i, carry))
        after = jax.lax.cond(repeats, before, here)
        return jax.tree.map(lambda x, new: jax.lax.dynamic_update_index_in_dim(x, new, i, 0), carry, after)

    return jax.lax.fori_loop(0, keys.size, turn, carry)


def tasks(s: training.Setting, params, width: int) -> tuple[int | None, Any]:
    """(the axis of seeds that params have in programs for a batch: 0 or none; params, or the shapes of a batch's own ones)."""
    if not offers(s.env, "task"):
        return None, params
    return 0, jax.eval_shape(lambda params: tasked(s.env, params, np.zeros(width, np.int32)), params)


class Job(NamedTuple):
    """A jitted function, and arguments, or shapes of them, that it is to be compiled for."""

    function: Any
    arguments: tuple[Any, ...]

    @property
    def out(self) -> Any:
        """The shapes of what it returns."""
        return self.function.eval_shape(*self.arguments)

    def lowered(self, place: Sharding | None = None) -> tuple[Any, str]:
        """(what is to be compiled, the platform that it is for), by `place` as of `compiled`."""
        if place is None:
            return self.function.lower(*self.arguments), devices.backend()
        there = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place, weak_type=x.weak_type)  # noqa: E731
        shapes = jax.tree.map(there, jax.eval_shape(lambda *given: given, *self.arguments))
        platform: str = next(iter(place.device_set)).platform  # type: ignore[attr-defined]  # jaxlib does not say its type
        return self.function.trace(*shapes).lower(lowering_platforms=(platform,)), platform

    def compiled(self, place: Sharding | None = None) -> Any:
        well = devices.well()
        if well and effort.of(self.function.trace(*self.arguments).jaxpr.jaxpr) < effort.MUCH:
            well = None
        return compile_lowered(*self.lowered(place), well)


def training_jobs(
    s: training.Setting,
    rule: Rule,
    params,
    width: int,
    recorder: Recorder | None = None,
    weights: training.Weights = None,
) -> Programs:
    """What one rule needs to train batches of `width` seeds: the `Job`s that `compile_training` compiles."""
    on = s.platform
    given = () if weights is None else (weights,)

    own, (each, params) = jax.tree.map(lambda x: 0 if jnp.ndim(x) else None, rule), tasks(s, params, width)

    def begin(rule, params, keys, weights=None):
        def one(rule, params, key):
            carry = training.begin(s, rule, params, key, weights)
            return carry._replace(records=recorder.blank(rule, params, key, carry)) if recorder else carry

        return jax.vmap(one, (own, each, 0), axes(rule))(rule, params, keys)

    def advance(rule, params, keys, carry, target, weights=None):
        def one(rule, params, key, c):
            note = partial(recorder.note, rule, params, key) if recorder else None
            return training.advance(s, rule, params, key, c, target, note, weights)

        if fills_a_core(s, rule):
            return one_by_one(one, rule, params, keys, carry, each)
        return jax.vmap(one, (own, each, 0, axes(rule)), axes(rule))(rule, params, keys, carry)

    def policy(rule, carry):
        return jax.vmap(lambda rule, state: rule.deploy(s.agent, state).params, (own, 0))(rule, carry.state)

    def revise(rule, params, keys, carry):
        return jax.vmap(partial(training.revised, s), (own, each, 0, axes(rule)))(rule, params, keys, carry)

    keys = jax.eval_shape(partial(run_keys, 0), np.zeros(width, np.int32))
    first = Job(jax.jit(exact(begin, on)), (rule, params, keys, *given))
    carry = first.out
    return Programs(
        first,
        Job(jax.jit(exact(advance, on), donate_argnums=3), (rule, params, keys, carry, jnp.int32(0), *given)),
        Job(jax.jit(policy), (rule, carry)),
        Job(jax.jit(exact(revise, on)), (rule, params, keys, carry)) if offers(s.env, "revised") else None,
    )


def compile_training(
    s: training.Setting,
    rule: Rule,
    params,
    width: int,
    recorder: Recorder | None = None,
    weights: training.Weights = None,
) -> Programs:
    """Compiles what one rule needs to train batches of `width` seeds on jax's default device, before anything runs.

    recorder: keeps records of updates in the carry. weights: such as it will be given, {signal: float32[]}; None: the judge judges.
    """
    jobs = training_jobs(s, rule, params, width, recorder, weights)
    advance = jobs.advance.compiled()  # the largest, alone: a compiler takes more memory than most runs
    return Programs(jobs.begin.compiled(), advance, jobs.policy.compiled(), jobs.revise and jobs.revise.compiled())


def evaluation_job(
    s: training.Setting,
    how: Policy,
    head: str,
    policies,
    params,
    overrides: dict,
    episodes: int,
    warmth=None,
    asked: Mapping[str, Probe] = OUTCOMES,
    axes: Mapping[str, Coordinates] | None = None,
) -> Job:
    """evaluate(params, overrides, policies, key) -> {array: [seed, evaluation, own axes]}; it serves all rules with equal policies.

    params: as of `Programs`.

    how: how they act (`training.deployed`). policies: the shapes of the parameters of a batch of them. head: the one that actions
    are drawn from where there is a temperature.
    overrides: {field of params: [E]}, one value per evaluation. warmth: float32[E], the temperature of each; None: all greedy.
    asked: the probes that measure, {name: Probe}. axes: the coordinates of each one's own axes.
    """
    axes = {"outcomes": {"outcome": adapter.outcomes(s.env)}} if axes is None else axes
    own, params = tasks(s, params, len(jax.tree.leaves(policies)[0]) if jax.tree.leaves(policies) else 1)

    def evaluate(params, overrides, policies, key):
        def one(policy, params, override, temperature):
            there, who = params.replace(**override), how._replace(params=policy)
            seen = played(s.env, there, s.agent, who, key, episodes, temperature, head, s.platform)
            return measured(asked, axes, Subject(s, who, there, {}, key, seen=seen))

        each = lambda policy, params: jax.vmap(partial(one, policy, params))(overrides, warmth)  # noqa: E731
        return jax.vmap(each, (0, own))(policies, params)

    return Job(jax.jit(exact(evaluate, s.platform)), (params, overrides, policies, jax.random.key(0)))


def compile_evaluation(*given: Any, **named: Any) -> Any:
    """The program of `evaluation_job`, compiled for jax's default device."""
    return evaluation_job(*given, **named).compiled()


def finished(futures: Iterable[Future]) -> Iterator[Future]:
    """Futures as they finish.

    It looks up every second: a signal that comes just before the main thread begins to wait does not end the wait, and
    would be handled when something finishes, which may be in hours.
    """
    left = set(futures)
    while left:
        done, left = wait(left, timeout=1.0, return_when=FIRST_COMPLETED)
        yield from done


class Workers:
    """Threads that take work from one queue, each for one device: one a device, and on a CPU as many as it has cores.

    One program alone leaves a CPU's second core mostly idle; several batches at once do not, and share what was compiled.
    """

    def __init__(self):
        self.devices = jax.local_devices()
        self.count = len(self.devices)
        if self.devices[0].platform == "cpu":
            self.count = max(self.count, devices.cores())
        self._free, self._lock = [self.devices[i % len(self.devices)] for i in range(self.count)], threading.Lock()
        self._pool = ThreadPoolExecutor(self.count)

    def on(self, device: jax.Device, function: Callable[..., Any], *arguments) -> Future:
        """Starts function(*arguments) with `device` as jax's default device."""

        def work():
            with jax.default_device(device):
                return function(*arguments)

        return self._pool.submit(work)

    def on_any(self, function: Callable[..., Any], *arguments) -> Future:
        """Starts function(device, *arguments) on a device that is free, which is also jax's default there."""

        def work():
            with self._lock:
                device = self._free.pop(0)
            try:
                with jax.default_device(device):
                    return function(device, *arguments)
            finally:
                with self._lock:
                    self._free.append(device)

        return self._pool.submit(work)

    def settle(self) -> None:
        """Cancels what has not begun, and waits for what has; nothing can be started afterwards."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self._pool.shutdown(wait=not problem[0], cancel_futures=True)  # nobody waits for what will not be used
