"""A finished run, and the ways in which someone may have changed its directory before it is read: {name: change(directory)}."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import struct
import zipfile
from pathlib import Path

import h5py
import jax
import numpy as np
import tiny

from rewardlab import rules
from rewardlab.analysis import compare
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.files import sealed, sha256
from rewardlab.report import reel
from rewardlab.rundir import checkpoints, identity, netcdf, parts, store
from rewardlab.running import assembly, rehearsal

CANARY, EVIL = "X", "open({!r}, 'w').close()\nmake = rule = experiment = None\n"
ESCAPES = "\x1b]0;owned\x07\x1b[2J\u202egnp.\x9b31m<script>alert(1)</script>"
FAR = 2**37  # bytes of a file that has none
PART, STEP = "parts/drift--near--0-3.npz", "checkpoints/drift--near--0-3/16"
LIKE = {"carry": np.zeros((4, 3), np.float32), "position": np.int64(0)}


def experiment():
    return tiny.experiment(
        rules={"drift": rules.make("drift", candidates=4, parents=2, num_envs=8, unroll_length=16)},
        conditions={"near": tiny.Condition()},
        seeds=4,
        total_steps=128,
    )


def finished(path: Path) -> Path:
    """A finished run of made-up numbers, with all that there may be: parts, films, a released lease, a checkpoint."""
    question, random = experiment(), np.random.default_rng(0)
    plan, store_run = Plan(question), store.create(path, experiment())
    store.renew(path, question, print)
    measured = rehearsal.made_up(plan, "drift", "near", random)
    rule = question.rules["drift"]
    agent = plan.setting("drift").agent
    shapes = jax.eval_shape(lambda key: rule.deploy(agent, rule.init(agent, key)).params, jax.random.key(0))
    policies = checkpoints.flat(jax.tree.map(lambda x: np.zeros((4, 1, *x.shape), x.dtype), shapes))
    about = {"seconds": 1.0, "compile_seconds": 1.0, "computed_with": [identity.of(plan)]}
    batch = parts.Batch("drift", "near", (0, 1, 2, 3))
    parts.save(path, parts.Part(batch, measured, {name: a for name, (a, _) in policies.items()}, about), plan)
    results = assembly.assemble(plan, {("drift", "near"): measured}, assembly.Fixed([], {}))
    store.write_results(path, results)
    store.write_summary(path, compare.summarise(results))
    films = path / "replays"
    films.mkdir()
    (films / "drift--test.gif").write_bytes(b"GIF89a")
    strip = reel.Reel()
    strip.add("drift", "test", 0, [np.zeros((2, 12, 12, 3), np.uint8)])
    reel.write(path, strip)
    store.write_environment(
        path,
        question,
        replays={"drift--test": sha256(b"GIF89a"), reel.FILE: sha256((films / reel.FILE).read_bytes())},
        **assembly.seconds(question, parts.scan(path, plan, print)),
    )
    (path / "report.html").write_text("the page")
    (path / ".lease-0.000001").write_bytes(sealed({"released": True}))
    about = {"config": plan.digest, "seconds": 1.0, "computed_with": [identity.of(plan)]}
    checkpoints.save(path / STEP.rpartition("/")[0], 16, LIKE, about)
    return store_run.path


# What is written anew, with digests that fit.


def config(**changes):
    def change(d):
        plain = json.loads((d / "config.json").read_text()) | changes
        text(d / "config.json", json.dumps(plain))

    return change


def text(file, content):
    content = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    file.write_bytes(content)
    if file.name == "config.json":
        plain = store.read_sealed(file.parent / "environment.json") | {"config_sha256": sha256(content)}
        (file.parent / "environment.json").write_bytes(sealed(plain))


def raw(name, content):
    return lambda d: text(d / name, content)


def resealed(name, **changes):
    def change(d):
        plain = json.loads((d / name).read_text()) | changes
        (d / name).write_bytes(sealed({key: value for key, value in plain.items() if value is not ...}))

    return change


def results(change):
    """Changes the Dataset, and writes it with its digest: once, since the run is the same each time."""
    made = io.BytesIO()

    def write(d):
        if not made.getbuffer().nbytes:
            data = change(store.read_results(d))
            data.assign_attrs(sha256=netcdf.digest(data)).to_netcdf(made, engine="h5netcdf")
        (d / "results.nc").write_bytes(made.getvalue())

    return write


def attrs(**changes):
    return results(lambda data: data.assign_attrs(changes))


def planned(**changes):
    """The experiment that the results state, changed."""
    return results(lambda x: x.assign_attrs(experiment=json.dumps(json.loads(x.attrs["experiment"]) | changes)))


def named(dimension, *names):
    return results(lambda data: data.assign_coords({dimension: list(names)}))


def hdf5(change):
    """Writes into results.nc by h5py."""

    def write(d):
        with h5py.File(d / "results.nc", "a") as file:
            change(file, d)

    return write


def replaced(file, name, make):
    del file[name]
    make()


def part(about=None, arrays=None, **changes):
    """Writes the part with other arrays or another description, its digests fitting."""

    def write(d):
        with np.load(d / PART) as stored:
            plain = json.loads(bytes(stored["about"]))
            held = [stored[f"{i:04d}"] for i in range(len(stored.files) - 1)]
        names = [(group, name) for group in ("measured", "policies") for name in plain[group]]
        held = [arrays(name, x) if arrays else x for (_, name), x in zip(names, held, strict=True)]
        for (group, name), array in zip(names, held, strict=True):
            plain[group][name] = parts.describe(array)
        plain = {name: value for name, value in (plain | changes).items() if value is not ...}
        plain = about(plain) if about else plain
        content = io.BytesIO()
        stored = {f"{i:04d}": x for i, x in enumerate(held)}
        np.savez(content, about=np.frombuffer(sealed(plain), np.uint8), **stored)
        (d / PART).write_bytes(content.getvalue())

    return write


def npz(compression, *entries):
    def write(d):
        with np.load(d / PART) as stored:
            about = stored["about"]
        seal = io.BytesIO()
        np.save(seal, about)
        with zipfile.ZipFile(d / PART, "w", compression) as archive:
            archive.writestr("about.npy", seal.getvalue())
            for name, content in entries:
                archive.writestr(name, content)

    return write


def header(shape, dtype="<f4"):
    said = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(said)) + said


def held(**changes):
    about = {
        "process": {"host": "elsewhere", "place": "x", "pid": 1, "kernel_start": "1"},
        "started": 1.0,
        "token": "t",
        "count": 1,
    }

    def write(d):
        for name in ("0", "results"):
            plain = {key: value for key, value in (about | changes).items() if value is not ...}
            (d / f".lease-{name}.000007").write_bytes(sealed(plain))

    return write


# What stands in the place of a file.


def gone(d, name):
    if (d / name).is_dir():
        for entry in sorted((d / name).rglob("*"), reverse=True):
            entry.rmdir() if entry.is_dir() else entry.unlink()
        (d / name).rmdir()
    with contextlib.suppress(FileNotFoundError):
        (d / name).unlink()
    return d / name


def fifo(name):
    return lambda d: os.mkfifo(gone(d, name))


def directory(name):
    return lambda d: (gone(d, name).mkdir(), (d / name / "in").write_text("x"))


def link(name, target):
    return lambda d: gone(d, name).symlink_to(target)


def a_socket(name):
    def bind(d):
        before = os.getcwd()
        os.chdir(d)  # the path of a socket has to be short
        try:
            with socket.socket(socket.AF_UNIX) as it:
                gone(d, name)
                it.bind(name)
        finally:
            os.chdir(before)

    return bind


def sparse(name, size=FAR):
    def write(d):
        with open(gone(d, name), "wb") as file:
            file.truncate(size)

    return write


def both(*changes):
    return lambda d: [change(d) for change in changes]


def no_results(d):
    (d / "results.nc").unlink()


def evil(d):
    return str(d.parent / "evil.py")


def code(make):
    """A config that says what `make(path of a Python file)` says."""
    return lambda d: config(**make(evil(d)))(d)


def yoked(inner):
    return {"rules": {"drift": {"rule": "yoked", "hyperparameters": {"rule": inner}}}}


def world(name, **kwargs):
    return {"env": name, "env_kwargs": kwargs}


def pickled():
    import pickle

    class Payload:
        def __reduce__(self):
            return os.system, ("touch " + CANARY,)

    content = io.BytesIO()
    np.save(content, np.array([Payload()], object), allow_pickle=True)
    return content.getvalue(), pickle.dumps(Payload())


def huge(file, d):
    replaced(file, "length", lambda: file.create_dataset("length", (2**28, 4), "f4"))


def bomb(file, d):
    replaced(file, "length", lambda: file.create_dataset("length", (2**28,), "f4", chunks=(2**26,), compression="gzip"))
    file["length"].id.write_direct_chunk((0,), b"x\x9c" + bytes(1000))


def many_texts(file, d):
    replaced(
        file, "outcome", lambda: file.create_dataset("outcome", data=["x" * 100] * 10**5, dtype=h5py.string_dtype())
    )


def outside(file, d):
    (d.parent / "outside.bin").write_bytes(bytes(4096))
    replaced(file, "length", lambda: file.create_dataset(
        "length", (4, 3), "f4", external=[(str(d.parent / "outside.bin"), 0, 4096)]))  # fmt: skip


def virtual(file, d):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource(str(d.parent / "other.h5"), "x", (4,))
    replaced(file, "length", lambda: file.create_virtual_dataset("length", layout))


def linked(make):
    def change(file, d):
        del file["length"]
        file["length"] = make(d)

    return hdf5(change)


def grouped(file, d):
    replaced(file, "length", lambda: file.create_group("length"))
    file["length"]["again"] = file["/"]  # a group that holds itself


def manifest(**changes):
    return resealed(f"{STEP}/manifest.json", **changes)


def zarr(shape, chunks):
    """The checkpoint says, in its manifest and in its own arrays, that it is of another shape."""

    def write(d):
        import tensorstore

        base = {"driver": "file", "path": f"{d / STEP}/arrays/"}
        kept = tensorstore.KvStore.open({"driver": "ocdbt", "base": base}).result()
        about = json.loads(kept.read(b"0000/.zarray").result().value) | {"shape": shape, "chunks": chunks}
        kept.write(b"0000/.zarray", json.dumps(about).encode()).result()

    return write


def leaf(**changes):
    def write(d):
        plain = json.loads((d / STEP / "manifest.json").read_text())
        name = next(iter(plain["leaves"]))
        plain["leaves"][name] |= changes
        (d / STEP / "manifest.json").write_bytes(sealed(plain))

    return write


DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000
EQUAL = "{" + ",".join(['"a": 1'] * 30_000) + "}"
OBJECT, PICKLE = pickled()

CODE = {
    "env": code(lambda p: world(p)),
    "env, no results": both(code(lambda p: world(p)), no_results),
    "env in the directory": both(lambda d: (d / "evil.py").write_text((d.parent / "evil.py").read_text()),
       config(**world("evil.py"))),
    "env by a climbing path": config(**world("../evil.py")),
    "rule as a text": code(lambda p: {"rules": {"drift": p}}),
    "rule": code(lambda p: {"rules": {"drift": {"rule": p, "hyperparameters": {}}}}),
    "rule in a rule": code(lambda p: yoked(p)),
    "rule in a rule, no results": both(code(lambda p: yoked(p)), no_results),
    "rule in a rule, as an object": code(lambda p: yoked({"rule": p})),
    "rule in a rule in a rule": code(lambda p: yoked({"rule": "yoked", "hyperparameters": {"rule": p}})),
    "rule that is no rule's": code(lambda p: {"rules": {"drift": {"rule": "drift", "hyperparameters": {"num_envs": p}}}}),
    "world in a world": code(lambda p: world("score_strip", world=p)),
    "world in a world, no results": both(code(lambda p: world("score_strip", world=p)), no_results),
    "world in another world": code(lambda p: world("reward_in_view", world=p)),
    "world in a world, no results, climbing": both(config(**world("reward_in_view", world="../evil.py")), no_results),
    "tile of a world": code(lambda p: world("score_strip", world="dark_room", tile=p)),
    "list in a world": code(lambda p: world("score_strip", world=[p])),
    "question": code(lambda p: {"asks": p}),
    "question, no results": both(code(lambda p: {"asks": p}), no_results),
    "probe": code(lambda p: {"probes": ["returns", p]}),
    "results that ask by a path": lambda d: planned(asks=evil(d))(d),
    "agent": code(lambda p: {"agent": {"agent": p}}),
    "activation": code(lambda p: {"agent": {"agent": "MLP", "activation": p}}),
    "control": code(lambda p: {"control": p}),
    "name": code(lambda p: {"name": p}),
    "object of Python's": config(rules={"drift": {"object": "os:system"}}),
    "world of Python's": config(env={"object": "os:system"}),
    "results that say so": lambda d: attrs(env=evil(d), name=evil(d))(d),
    "part of a path": lambda d: part(batch={"rule": evil(d), "condition": "near", "seeds": [0, 1, 2, 3]})(d),
    "pickle as a part": npz(zipfile.ZIP_STORED, ("0000.npy", OBJECT)),
    "pickle as results": raw("results.nc", PICKLE),
    "pickle as config": lambda d: (d / "config.json").write_bytes(PICKLE),
    "modules in the directory": lambda d: [(d / f"{n}.py").write_text((d.parent / "evil.py").read_text())
                                           for n in ("sitecustomize", "conftest", "jax", "rewardlab", "config")],
}  # fmt: skip
LINKS = {
    "external storage": hdf5(outside),
    "virtual dataset": hdf5(virtual),
    "external link": linked(lambda d: h5py.ExternalLink(str(d.parent / "other.h5"), "/x")),
    "soft link": linked(lambda d: h5py.SoftLink("/return")),
    "soft link to itself": linked(lambda d: h5py.SoftLink("/length")),
    "group that holds itself": hdf5(grouped),
    "results elsewhere": link("results.nc", "../outside.bin"),
    "config elsewhere": link("config.json", "../outside.bin"),
    "parts elsewhere": link("parts", "../"),
    "a link to itself": link("summary.json", "summary.json"),
    "a link to nothing": link("summary.json", "nothing"),
    "a device": link("results.nc", "/dev/zero"),
    "a terminal": link("environment.json", "/dev/stdin"),
}
IN_PLACE = {
    **{f"FIFO: {name}": fifo(name) for name in ("results.nc", "environment.json", "config.json", "summary.json",
       "report.html", PART, "replays/drift--test.gif", "figures", ".lease-results.000009", f"{STEP}/manifest.json")},
    **{f"socket: {name}": a_socket(name) for name in ("results.nc", "environment.json")},
    **{f"directory: {name}": directory(name) for name in ("results.nc", "environment.json", "config.json", "summary.json",
       "report.html", PART, "replays/drift--test.gif", ".lease-results.000009", f"{STEP}/manifest.json")},
    **{f"file: {name}": both(lambda d, n=name: gone(d, n), raw(name, "x")) for name in (
       "parts", "replays", "figures", "checkpoints")},
}  # fmt: skip
SIZES = {
    **{f"no end: {name}": sparse(name) for name in ("results.nc", "environment.json", "config.json", "summary.json", PART,
       "replays/drift--test.gif", ".lease-results.000009", f"{STEP}/manifest.json")},
    "array of nothing": hdf5(huge),
    "array that inflates": hdf5(bomb),
    "texts without number": hdf5(many_texts),
    "part that inflates": npz(zipfile.ZIP_DEFLATED, ("0000.npy", header((2**28,)) + bytes(2**26))),
    "part of nothing": npz(zipfile.ZIP_STORED, ("0000.npy", header((2**40,)))),
    "part of less than nothing": npz(zipfile.ZIP_STORED, ("0000.npy", header((-1, -(2**33))))),
    "checkpoint of nothing": zarr([2**20, 2**12], [2**20, 2**12]),
    "checkpoint in huge pieces": zarr([4, 3], [2**16, 2**16]),
    "checkpoint that asks for it": both(zarr([2**20, 2**12], [2**20, 2**12]), leaf(shape=[2**20, 2**12])),
    "deep config": raw("config.json", DEEP),
    "deep environment": raw("environment.json", DEEP),
    "deep summary": raw("summary.json", DEEP),
    "deep lease": raw(".lease-results.000009", DEEP),
    "equal names": raw("environment.json", EQUAL),
    "equal names in the config": raw("config.json", EQUAL),
    "arrays of arrays": raw("environment.json", "[" + "[],[]," * 1_300_000 + "[]]"),
    "names without number": raw("environment.json", json.dumps(dict.fromkeys(map(str, range(500_000)), 1))),
    "a number of digits": raw("config.json", '{"format": ' + "9" * 100_000 + "}"),
    "seeds": config(seeds=10**6, points=10**4, evaluations={f"e{i}": {} for i in range(50)}),
    "points": both(config(points=10**12), no_results),
}  # fmt: skip
TYPES = {
    **{f"config: {content!r:.20}": raw("config.json", content) for content in ("", "[]", "null", "3", "\ufeff{}", b"\xff\xfe{\0}\0",
       '{"a": NaN}', '{"format": 1e999}')},
    **{f"environment: {content!r:.20}": raw("environment.json", content) for content in ("", "[]", "3", b"\xff\xfe{\0}\0")},
    **{f"environment says {name} = {value!r:.20}": resealed("environment.json", **{name: value}) for name, value in (
       ("seconds", []), ("seconds", {"drift": [1]}), ("seconds", {"drift": {"near": "1"}}), ("versions", {"jax": [1]}),
       ("replays", ["x"]),
       ("config_sha256", {}), ("width", 10**400))},
    **{f"config says {name} = {value!r:.20}": config(**{name: value}) for name, value in (
       ("points", "x"), ("width", 0), ("width", -1), ("episodes", [1]), ("evaluations", {"test": []}), ("conditions", {"near": 3}),
       ("published", {"x": "y"}), ("published", [1]), ("seeds", -1), ("steps", 10**30), ("agent", {"hidden": [-1]}))},
    **{f"lease says {name} = {value!r:.20}": held(**{name: value}) for name, value in (
       ("process", {}), ("process", ...), ("process", "x"), ("started", ...), ("started", "x"), ("started", 1e300),
       ("started", 1e17),
       ("count", ...), ("token", ...), ("process", {"host": os.uname().nodename, "place": "x"}))},
    "lease of no process": lambda d: held(process=tiny_me(pid=-1))(d),
    "lease of a huge process": lambda d: held(process=tiny_me(pid=2**60))(d),
    **{f"part without {name}": part(**{name: ...}) for name in ("seconds", "computed_with", "batch", "measured", "config")},
    "part of texts": part(arrays=lambda name, x: x.astype("U8")),
    "part of other shapes": part(arrays=lambda name, x: x[..., None]),
    "part of fewer seeds": part(arrays=lambda name, x: x[:2]),
    "part of no seeds": part(batch={"rule": "drift", "condition": "near", "seeds": []}),
    "part of texts for seeds": part(batch={"rule": "drift", "condition": "near", "seeds": ["0", "3"]}),
    "part with other policies": part(arrays=lambda name, x: x.astype(np.float64) if name.startswith("[") else x),
    "part with a list for what it was computed with": part(computed_with=[["x"]]),
    "checkpoint without leaves": manifest(leaves={}),
    "checkpoint with a list of leaves": manifest(leaves=[]),
    "checkpoint that says nothing": manifest(about={}),
    "checkpoint that says a list": manifest(about=[]),
    "checkpoint of a text's shape": leaf(shape="x"),
    "checkpoint of no type": leaf(dtype="nonsense"),
    "checkpoint of less than nothing": leaf(shape=[-1, 0]),
    "results without capability": results(lambda x: x.drop_attrs().assign_attrs(experiment=x.attrs["experiment"])),
    **{f"results say {name} = {value!r:.20}": attrs(**{name: value}) for name, value in (
       ("capability", "x"), ("capability", np.nan), ("name", 3), ("question", np.arange(9)), ("experiment", "[]"),
       ("experiment", "{"), ("experiment", np.arange(3)), ("audit", "3"), ("audit", "[3]"), ("audit", '[{"rule": "x"}]'),
       ("mixed", "[3]"), ("mixed", '{"a": 1}'))},
    **{f"results planned {name} = {value!r:.20}": planned(**{name: value}) for name, value in (
       ("conditions", []), ("conditions", {"near": 3}), ("conditions", {"near": {"params": {"x": []}}}),
       ("evaluations", {"test": 3}),
       ("published", {"x": "y"}), ("published", 3))},
    **{f"config says phases = {value!r:.20}": config(conditions={"near": {"params": {}, "seeds": None, "phases": value}})
       for value in (
       3, ["x"], [{"start": "x"}], [{"start": 2.0}], [{"reward": {"reward": "x"}}])},
    **{f"results ask extinction with {name} = {value!r:.30}": planned(**{"asks": "extinction", name: value}) for name, value in (
       ("steps", "x"), ("steps", None), ("budgets", [1]),
       ("conditions", {"near": {"params": {}}, "b": {"phases": [{"start": 0.5}]}}),
       ("conditions", {"near": {"params": {}, "phases": [{"start": 0.5, "params": {}, "reward": 3}]}}))},
    "results ask what nobody knows": planned(asks="nothing"),
    "results with a name twice": results(lambda x: x.isel(rule=[0, 0])),
    "results with numbers for names": named("rule", 3),
    "results without a rule": results(lambda x: x.isel(rule=[])),
    "results without points": results(lambda x: x.isel(point=[])),
    "results without seeds": results(lambda x: x.isel(seed=[])),
    "results without steps": results(lambda x: x.drop_vars("steps")),
    "results without trained seeds": results(lambda x: x.assign(steps=x.steps * np.nan)),
    "results of endless steps": results(lambda x: x.assign(steps=x.steps * np.inf)),
    "results of other dimensions": results(lambda x: x.assign({"return": x["return"].isel(point=0)})),
    "results of texts": results(lambda x: x.assign({"return": x["return"].astype(str)})),
    "results at a point that there is none": results(lambda x: x.assign(shared_point=x.shared_point + 99)),
    "results of half a level": results(lambda x: x.assign(level=x.level * np.nan)),
    "results and nothing in them": results(lambda x: x.drop_vars(list(x.variables))),
    "summary of a list": raw("summary.json", sealed({"rules": [], "evaluations": 3})),
}  # fmt: skip
SHOWN = {
    "question": both(config(question=ESCAPES), attrs(question=ESCAPES)),
    "published": both(config(published={ESCAPES: 1.0}), planned(published={ESCAPES: 1.0})),
    "names of results": both(named("outcome", "x" + ESCAPES, "y" + ESCAPES), named("evaluation", "e" + ESCAPES),
                             named("rule", "r" + ESCAPES), named("condition", "c" + ESCAPES)),
    "versions": resealed("environment.json", versions={ESCAPES: ESCAPES}),
    "who holds it": held(process={"host": ESCAPES, "place": "x", "pid": 1, "kernel_start": "1"}),
    "name of a part": lambda d: (d / "parts" / f"x--{ESCAPES.replace('/', '')}.npz").write_text("x"),
}  # fmt: skip
ALL = {"code": CODE, "links": LINKS, "in place": IN_PLACE, "sizes": SIZES, "types": TYPES, "shown": SHOWN}


def tiny_me(**changes):
    from rewardlab.rundir import lease

    return lease.me() | changes
