"""Worlds, params and files: found by name, made once, known without being run."""

import math
import subprocess
import sys

import pytest
from small import WORLD

from rewardlab import envs
from rewardlab.inputs import registry
from rewardlab.inputs.errors import InputError


def test_worlds_are_the_same_instance_for_the_same_arguments(file):
    path = file("one_step.py", WORLD)
    assert envs.make(path) is envs.make(str(path)) and envs.make(path).size == 3
    assert envs.make(path, size=4) is not envs.make(path) and envs.make(path, size=4).size == 4
    assert envs.make(envs.make(path)) is envs.make(path)
    assert envs.origin(envs.make(path, size=4)) == (str(path), {"size": 4})
    for world, kwargs, said in [
        (path, {"siz": 4}, "did you mean 'size'?"),
        (path, {"size": [4]}, "numbers, texts, and tuples"),
        (envs.make(path), {"size": 4}, "is made already"),
        (file("none.py", "make = 3"), {}, "allowed: a function"),
        (file("wrong.py", "def make(): return 3"), {}, "allowed: a gymnax Environment"),
        (file("fails.py", "def make(): return 1 / 0"), {}, "ZeroDivisionError"),
    ]:
        with pytest.raises(InputError) as caught:
            envs.make(world, **kwargs)
        assert said in str(caught.value)


def test_what_gymnax_has_is_known_without_importing_it():
    import gymnax
    import jax

    assert envs.catalogue.names() == tuple(sorted(gymnax.registered_envs))
    assert set(envs.catalogue.built_in()) <= set(gymnax.registered_envs) and "Acrobot-v1" in envs.catalogue.built_in()
    for name in set(envs.catalogue.built_in()) - {"MNISTBandit-bsuite"}:  # which downloads its images
        told = {param: kind for param, kind in envs.params_kinds(name).items() if kind is not object}
        with jax.numpy_dtype_promotion("standard"):
            assert told == envs.params_kinds(envs.make(name)), name


def test_gymnax_is_imported_without_what_only_its_pictures_need():
    """They are most of the time and memory of `import gymnax`; who draws a picture gets the libraries all the same."""
    script = """
import sys
from rewardlab.envs import gymnax_api
assert not {"seaborn", "matplotlib", "pandas"} & set(sys.modules)
import gymnax.environments.misc.pong as pong
assert len(pong.sns.color_palette("deep")) == 10 and pong.colors.ListedColormap(["red"]).N == 1
import seaborn
assert seaborn.color_palette is pong.sns.color_palette and "pandas" in sys.modules
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_params_take_the_type_of_their_default():
    env = envs.make("CartPole-v1")
    assert envs.params(env, gravity=5).gravity == 5.0 and type(envs.params(env, gravity=5).gravity) is float
    assert envs.params(env) == env.default_params
    for changes, said in [
        ({"gravty": 5}, "did you mean 'gravity'?"),
        ({"gravity": "5"}, "is a str"),
        ({"gravity": math.inf}, "finite"),
    ]:
        with pytest.raises(InputError) as caught:
            envs.params(env, **changes)
        assert said in str(caught.value)


def test_params_of_a_file_are_known_without_running_it(file):
    path = file("explosive.py", WORLD + "\n    raise SystemError")
    assert envs.params_kinds(str(path)) == {"max_steps_in_episode": int, "bonus": float}
    made = envs.params_kinds(envs.make("coinrun", levels=2, held_out=1))
    told = envs.params_kinds("coinrun")
    assert {"moved": float, "behind": float, "held_out": bool}.items() <= told.items()
    assert {name: made[name] for name in told} == told


def test_a_file_is_a_member_when_it_defines_the_agreed_name(file, tmp_path):
    file("one.py", "'''First line.\n\nMore.'''\ndef make(a, *, b=2): pass")
    file("two.py", "from other import something as make")
    file("three.py", "make: int = 3\n")
    file("helper.py", "def helper():\n    make = 3\n")
    file("_private.py", "make = 3")
    assert list(registry.members(tmp_path, "make")) == ["one", "three", "two"]
    assert registry.outline(tmp_path / "one.py").doc == "First line."
    assert registry.outline(tmp_path / "one.py").functions == {"make": ("a", "b")}


def test_files_that_can_not_be_read_are_named(file, tmp_path):
    with pytest.raises(InputError, match=r"bad\.py, line 2: SyntaxError"):
        registry.outline(file("bad.py", "a = 1\nb = ("))
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\0")
    with pytest.raises(InputError, match=r"bytes\.py"):
        registry.outline(tmp_path / "bytes.py")
    for path in ("no.py", "a\0.py", "x" * 5000 + ".py", str(tmp_path), "/etc/passwd"):
        with pytest.raises(InputError, match="no Python file"):
            registry.load_file(path)
    with pytest.raises(InputError, match=r"fails\.py, line 3: KeyError"):
        registry.load_file(
            file("fails.py", "def f():\n    a = 1\n    return {}[a]\nf()\n").rename(tmp_path / "fails.py")
        )


def test_a_file_runs_once_until_it_changes(file):
    path = file("counted.py", "import sys\nsys.counted = getattr(sys, 'counted', 0) + 1\n")
    try:
        assert registry.load_file(path) is registry.load_file(path) and sys.counted == 1
        path.write_text(path.read_text() + "new = 1\n")
        assert registry.load_file(path).new == 1 and sys.counted == 2
        path.write_text(path.read_text().replace("new = 1", "new = 2"))  # the same second, the same size
        assert registry.load_file(path).new == 2 and sys.counted == 3
        assert list(path.parent.iterdir()) == [path]  # nothing appears beside it
    finally:
        del sys.counted
