"""What decides results is part of a run's identity: seeds of two worlds, rules or versions are not put together unnoticed."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from jax.experimental import io_callback
from worlds import Params, Walk

import rewardlab
from rewardlab import rules
from rewardlab.experiment import Condition, Experiment
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import InputError
from rewardlab.rules.reinforce import Reinforce
from rewardlab.rundir import identity, parts, programs, sources, store
from rewardlab.running import rehearsal, runner

RULE = rules.make("reinforce", num_envs=4, unroll_length=5)


def experiment(env=None, rule=RULE, **changes):
    given = dict(
        name="small",
        question="?",
        env=env or Walk(),
        conditions={"a": Condition()},
        evaluations={"t": {}},
        rules={"r": rule},
        agent=rewardlab.MLP(hidden=(4,)),
        total_steps=40,
        seeds=2,
        points=1,
        episodes=4,
        width=2,
    )
    return Experiment(**given | changes)


def plan(*given, **changes):
    return Plan(experiment(*given, **changes))


BONUS = np.arange(4.0, dtype=np.float32)


def line(pay=1.0, table=BONUS, base=Walk):
    """A world as a notebook defines it: the same text each time, around other values."""

    class Line(base):
        def step_env(self, key, state, action, params):
            obs, state, reward, over, info = super().step_env(key, state, action, params)
            return obs, state, pay * reward + jnp.asarray(table)[state.position % 4], over, info

    return Line


class Renamed(Walk):
    def step_env(self, some_key, where, what, settings):
        where = where.replace(position=where.position + what, time=where.time + 1)
        arrived = where.position >= settings.goal  # the same as Walk in other words, and in another order
        told = {"position": where.position, "outcome": jnp.where(arrived, 0, 1)}
        return self._obs(where.position, where.time), where, arrived.astype(jnp.int32), arrived, told


def variant(base=Walk, **methods):
    return type("Line", (base,), methods)


def shows(self, key, state, action, params):
    jax.debug.print("{}", state.time)
    return Walk.step_env(self, key, state, action, params)


def calls(self, key, state, action, params):
    obs, state, _, over, info = Walk.step_env(self, key, state, action, params)
    paid = jax.pure_callback(
        lambda x: np.float32(x), jax.ShapeDtypeStruct((), np.float32), action, vmap_method="sequential"
    )
    return obs, state, paid, over, info


def starts(self, key, params):
    obs, state = Walk.reset_env(self, key, params)
    return obs, state.replace(position=jax.random.randint(key, (), 0, 2))


OTHER_WORLDS = {
    "a number closed over": line(pay=2.0),
    "a constant's bytes": line(table=BONUS[::-1]),
    "a constant of jax's": line(table=jnp.ones(4)),
    "a base class": line(base=variant(is_truncated=lambda self, state, params: state.time >= 3)),
    "the reset": line(base=variant(reset_env=starts)),
    "the observation": line(base=variant(_obs=lambda self, position, time: jnp.array([time, position], jnp.float32))),
    "the default params": line(base=variant(default_params=property(lambda self: Params(goal=2)))),
    "the names of its outcomes": line(base=variant(outcomes=("there", "time"))),
    "the channels": line(base=variant(observation_channels=lambda self, params: np.zeros(2, int))),
    "who is paid": variant(step_env=Walk.step_env),
}


@pytest.mark.parametrize("name", OTHER_WORLDS)
def test_a_world_that_computes_something_else_is_another_one(name):
    here, there = (identity.computed(plan(cls())) for cls in (line(), OTHER_WORLDS[name]))
    assert len(here) == len(there) == 1 and [*here.values()] != [*there.values()]


def test_a_world_that_computes_the_same_is_the_same_one():
    assert identity.computed(plan(line()())) == identity.computed(plan(line()()))
    digest = identity.world_program(plan(Walk()))
    assert digest == identity.world_program(plan(Renamed())) == identity.world_program(plan(variant(step_env=shows)()))
    assert identity.computed(plan("dark_room")) == identity.computed(plan("CartPole-v1")) == {}


def test_a_class_edited_in_place_is_another_world(monkeypatch):
    env = line()()
    before = identity.computed(plan(env))
    monkeypatch.setattr(type(env), "is_truncated", lambda self, state, params: state.time >= 4)
    assert identity.computed(plan(env)) != before


@struct.dataclass
class Mine(Reinforce):
    pass


def differently(**methods):
    return struct.dataclass(type("Mine", (Mine,), methods))(num_envs=4, unroll_length=5)


def updates(self, agent, state, experience, key):
    return Reinforce.update(self, agent, state, experience._replace(reward=2 * experience.reward), key)


def acts(self, agent, state, key):
    return otherwise(Reinforce.behave(self, agent, state, key))


def otherwise(policy):
    def act(*given):
        action, extras, memory = policy.act(*given)
        return 1 - action, extras, memory

    return policy._replace(act=act)


def begins(self, agent, key):
    return Reinforce.init(self, agent, jax.random.fold_in(key, 1))


def hands_over(self, agent, state):
    policy = Reinforce.deploy(self, agent, state)
    return policy._replace(params=jax.tree.map(lambda x: -x, policy.params))


def is_tested(self, agent, state):
    return otherwise(Reinforce.deploy(self, agent, state))


def yoked(rule):
    return rules.make("yoked", rule=rule)


OTHER_RULES = [(rules.make, {"update": updates}), (rules.make, {"behave": acts}), (rules.make, {"init": begins}),
               (rules.make, {"deploy": hands_over}), (rules.make, {"deploy": is_tested}), (yoked, {"update": updates})]  # fmt: skip


@pytest.mark.parametrize(("around", "methods"), OTHER_RULES)
def test_a_rule_that_computes_something_else_is_another_one(around, methods):
    same, again, other = (
        identity.computed(plan("dark_room", around(rule), env_kwargs={"steps": 5}))
        for rule in (differently(), differently(), differently(**methods))
    )
    assert len(same) == 1 and same == again != other


FILES = {
    "bowl.py": """
        from pathlib import Path
        import numpy as np
        import helper
        from pieces.deep import depth
        import optax, evosax
        from worlds import Walk
        class Bowl(Walk):
            more = np.load(Path(__file__).parent / "table.npy")
            def step_env(self, *a):
                obs, state, reward, over, info = super().step_env(*a)
                return obs, state, reward + self.more.sum(), over, info
        def make(file="", nested=()):
            return Bowl()
        """,
    "helper.py": "def late():\n    import later\n",
    "later.py": "x = 1",
    "pieces/__init__.py": "from . import first",
    "pieces/first.py": "x = 1",
    "pieces/deep.py": "from .first import x\ndepth = x",
    "unrelated.py": "x = 1",
    "levels.txt": "1 2 3",
}
CHANGES = {
    "helper.py": "def late():\n    import later as other\n",
    **dict.fromkeys(("later.py", "pieces/first.py"), "x = 2"),
    "pieces/__init__.py": "from . import first\ny = 1",
    "pieces/deep.py": "from .first import x\ndepth = x + 1",
    "levels.txt": "1 2 4",
}


@pytest.fixture(name="folder")
def _folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pieces").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text("\n".join(line.removeprefix(" " * 8) for line in text.split("\n")))
    np.save(tmp_path / "table.npy", np.zeros(2, np.float32))
    yield tmp_path
    for name in ("helper", "later", "pieces", "pieces.first", "pieces.deep"):
        sys.modules.pop(name, None)


def test_files_behind_a_world_are_part_of_it(folder, monkeypatch):
    kwargs = {"nested": ("small", ("deep", str(folder / "levels.txt")))}
    e = experiment(str(folder / "bowl.py"), env_kwargs=kwargs)
    before, behind = identity.of(Plan(e)), identity.sources(e)
    assert before["evosax"] == metadata.version("evosax") and "scipy" not in before
    for name, text in CHANGES.items():
        old = (folder / name).read_text()
        (folder / name).write_text(text)
        differences = identity.differences(behind, identity.sources(e))
        assert differences.startswith(f"{folder / name} ") and ";" not in differences, name
        (folder / name).write_text(old)
    (folder / "unrelated.py").write_text("x = 2")
    assert identity.of(Plan(e)) == before
    np.save(folder / "table.npy", np.ones(2, np.float32))  # which no import tells of
    (folder / "bowl.py").write_text((folder / "bowl.py").read_text() + "\n")  # else it is not run again
    assert (
        identity.of(Plan(e))[f"what world {folder / 'bowl.py'} computes"]
        != before[f"what world {folder / 'bowl.py'} computes"]
    )


def test_versions_of_all_that_computes_are_part_of_it(monkeypatch):
    e, real = experiment("dark_room"), metadata.version
    before = identity.of(Plan(e))
    assert before["world dark_room"] and before["rule reinforce"]
    for package in ("jax", "jaxlib", "flax", "optax", "chex", "gymnax", "numpy", "rewardlab"):
        monkeypatch.setattr(metadata, "version", lambda name, package=package: "9.9" if name == package else real(name))
        assert identity.differences(before, identity.of(Plan(e))) == f"{package} {real(package)} there, 9.9 here"


def test_what_is_installed_beside_a_file_counts_by_its_version(tmp_path, monkeypatch):
    """As the package's own files are, once it is installed: what they import lies in the same folder."""
    for name, text in {
        "mine.py": "import peer\nimport helper\nfrom peer.inner import x\n",
        "helper.py": "",
        "peer/__init__.py": "import helper\n",
        "peer/inner.py": "x = 1\n",
        "peer-1.2.dist-info/METADATA": "Metadata-Version: 2.1\nName: peer\nVersion: 1.2\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    files = (tmp_path / "mine.py", tmp_path / "helper.py")
    monkeypatch.syspath_prepend(tmp_path)
    sources._installed.cache_clear()
    assert sources.behind(tmp_path / "mine.py") == (files, {"peer": "1.2"})
    monkeypatch.undo()
    sources._installed.cache_clear()
    peer = (tmp_path / "peer/__init__.py", tmp_path / "peer/inner.py")  # beside the file, and not installed
    assert sources.behind(tmp_path / "mine.py") == ((*files, *peer), {})


def test_members_of_the_package_count_by_their_sources():
    """So does what someone dropped into its folders."""
    found = sources.behind(rewardlab.rules.FAMILY.names()["ppo"])
    assert {file.name for file in found.files} >= {"ppo.py", "losses.py", "returns.py"}
    assert {file.parent.name for file in found.files} == {"rules"} and found.packages["flax"]


def started(path, e, computed_with):
    """A run of which the first two seeds are there."""
    store.create(path, e)
    (path / "parts").mkdir()
    about = {"seconds": 1.0, "compile_seconds": 1.0, "computed_with": computed_with}
    made_up = rehearsal.made_up(Plan(replace(e, seeds=2)), "r", "a", np.random.default_rng(0))
    parts.save(path, parts.Part(parts.Batch("r", "a", (0, 1)), made_up, {}, about), Plan(e))
    store.write_environment(path, e)


class Reached(Exception):
    """Training would begin now."""


@pytest.fixture(name="go_on")
def _go_on(monkeypatch):
    """go_on(path, experiment, ...) runs as far as to where training would begin."""

    def measure(*_):
        raise Reached

    monkeypatch.setattr(runner, "train_all", measure)
    monkeypatch.setattr(rehearsal, "rehearse", lambda *_: None)

    def go_on(path, e, **keywords):
        with pytest.raises(Reached):
            rewardlab.run(e, path, progress=False, **keywords)

    return go_on


def content(path):
    return {str(file): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file() and file.name[0] != "."}


def test_seeds_of_another_world_are_not_put_to_a_run(tmp_path, go_on):
    path, old = tmp_path / "run", experiment(line()())
    started(path, old, [identity.of(Plan(old))])
    more = replace(old, env=line()(), seeds=4)  # the cell was run again
    new = replace(old, env=line(pay=2.0)(), seeds=4)
    before = content(path)
    with pytest.raises(
        InputError,
        match=r"computed with something else: what world test_identity:\S*Line computes \w+ there, \w+ here; allowed",
    ) as error:
        rewardlab.run(new, path, progress=False)
    assert "\n" not in str(error.value) and content(path) == before, "a refusal changes nothing"
    go_on(path, more)
    assert json.loads((path / "config.json").read_text())["seeds"] == 4


def test_what_cannot_be_identified_is_not_extended(tmp_path, go_on):
    path, e = tmp_path / "run", experiment(variant(step_env=calls)())
    started(path, e, [identity.of(Plan(e))])
    with pytest.raises(
        InputError, match=r"can't be told apart, as it has a Python function in pure_callback .*--out, or --resume"
    ):
        rewardlab.run(replace(e, seeds=4), path, progress=False)
    go_on(path, replace(e, seeds=4), resume_anyway=True)


def test_environment_names_every_version_of_a_run(tmp_path, go_on):
    path, e = tmp_path / "run", experiment("dark_room", seeds=4, env_kwargs={"steps": 5})
    mine = identity.of(Plan(replace(e, width=2)))
    started(path, e, [mine | {"jax": "0.1", "flax": "0.2"}])
    before = content(path)
    with pytest.raises(InputError, match=r"jax 0.1 there, 0.\S+ here; flax 0.2 there"):
        rewardlab.run(e, path, progress=False)
    assert content(path) == before
    go_on(path, e, resume_anyway=True)
    recorded = json.loads((path / "environment.json").read_text())
    found = {(one["jax"], one["flax"]) for one in recorded["computed_with"]}
    assert found == {("0.1", "0.2"), (mine["jax"], mine["flax"])}


OTHER_PROCESS = """
import sys
sys.path.insert(0, sys.argv[1])
import test_identity as t
print(t.identity.computed(t.plan(t.Walk(), t.differently())), t.programs.digest(*t.UNORDERED))
"""


def unordered(x):
    return sum(jnp.sin(x * len(name)) for name in sorted({"a", "bb", "ccc"})), {name: x for name in {"a", "bb", "ccc"}}


UNORDERED = (unordered, jax.ShapeDtypeStruct((2,), "float32"))


@pytest.mark.slow
def test_digests_are_the_same_in_every_process(tmp_path):
    here = f"{identity.computed(plan(Walk(), differently()))} {programs.digest(*UNORDERED)}"
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(Path(__file__).parent)],
        env=os.environ | {"PYTHONHASHSEED": "77", "PYTHONPATH": str(Path(rewardlab.__file__).parent.parent)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == here, done.stderr


def test_programs_are_told_apart_by_what_they_compute():
    x = jax.ShapeDtypeStruct((3,), "float32")
    digest = programs.digest
    loop = lambda n: lambda x: jax.lax.fori_loop(0, n, lambda i, y: y * 2, x)  # noqa: E731
    scan = lambda reverse: lambda x: jax.lax.scan(lambda c, y: (c + y, c), 0.0, x, reverse=reverse)  # noqa: E731
    cond = lambda a, b: lambda x: jax.lax.cond(x[0] > 0, a, b, x)  # noqa: E731
    different = [
        lambda x: x + 1,
        lambda x: x + 2,
        lambda x: x - 1,
        lambda x: x + np.ones(3, np.float32) * 3,
        lambda x: x + np.arange(3, dtype=np.float32),
        lambda x: (x, x + 1),
        lambda x: (x + 1, x),
        lambda x: jax.jit(lambda y: y * 3)(x),
        lambda x: jax.random.uniform(jax.random.key(0), (3,)) + x,
        lambda x: jax.random.uniform(jax.random.key(1), (3,)) + x,
        loop(3), loop(4), scan(True), scan(False), cond(jnp.sin, jnp.cos), cond(jnp.cos, jnp.sin),
        jax.grad(lambda x: jax.nn.relu(x).sum()), lambda x: jax.nn.relu(x), lambda x: x[::-1], lambda x: x[jnp.array([1, 0, 2])],
    ]  # fmt: skip
    found = [digest(f, x) for f in different]
    assert len({*found}) == len(different) and found == [digest(f, x) for f in different]
    assert digest(lambda x: x + 1, jax.ShapeDtypeStruct((4,), "float32")) != found[0]

    def two_orders(first):
        def compute(x):
            a, b = (jnp.sin(x), jnp.cos(x)) if first else (jnp.cos(x), jnp.sin(x))[::-1]
            jnp.tan(x)  # which nothing depends on
            return a - b

        return compute

    assert digest(two_orders(True), x) == digest(two_orders(False), x) == digest(lambda x: jnp.sin(x) - jnp.cos(x), x)
    assert programs.of_values({"a": 1, "b": np.float32(2)}) != programs.of_values({"a": 1, "b": np.float64(2)})
    with pytest.raises(programs.Unidentified, match="a Python function in io_callback"):
        digest(lambda x: io_callback(lambda x: x, x, x), x)
