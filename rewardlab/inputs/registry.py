"""A file's name is its registration: dropping a file into a folder adds the member, no list is edited.

A *member* of a folder is a file that defines one agreed name at its top level: `make` for a world, `rule` for an update
rule, `experiment` for a config. Other files beside them are helpers. They are told apart by their syntax trees, without
running them.
"""

from __future__ import annotations

import ast
import contextlib
import contextvars
import functools
import hashlib
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from rewardlab.inputs.errors import InputError, one_line, show, unknown

PRIVATE = "_rewardlab_file_"  # prefix of the module names of users' files


class Outline(NamedTuple):
    """What a Python file says of itself before it is run.

    doc: first line of its docstring.
    functions: {name: names of its parameters, None when it takes any keyword}, top level only.
    classes: {name: {annotated field: its annotation}}, top level only.
    names: everything that its top level defines or imports.
    """

    doc: str
    functions: dict[str, tuple[str, ...] | None]
    classes: dict[str, dict[str, str]]
    names: frozenset[str]


def outline(path: str | os.PathLike) -> Outline:
    """The outline of a Python file. Raises InputError when it can't be read or is no Python."""
    path = Path(path)
    try:
        stat = path.stat()
        return _outline(str(path), stat.st_mtime_ns, stat.st_size)
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"can't read {show(str(path))}: {_reason(error)}") from error
    except (SyntaxError, ValueError) as error:
        raise InputError(
            f"{path}, line {getattr(error, 'lineno', '?')}: {type(error).__name__}: {_reason(error)}"
        ) from error


@functools.lru_cache(maxsize=256)
def _outline(path: str, mtime: int, size: int) -> Outline:
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), filename=path)
    doc = (ast.get_docstring(tree) or "").strip().split("\n")[0]
    functions, classes, names = {}, {}, set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name, args=args):
                plain = tuple(a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs))
                functions[name] = None if args.kwarg else plain
                names.add(name)
            case ast.ClassDef(name=name, body=body):
                classes[name] = {
                    n.target.id: ast.unparse(n.annotation)
                    for n in body
                    if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)
                }
                names.add(name)
            case ast.Assign(targets=targets):
                names.update(n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update((alias.asname or alias.name).split(".")[0] for alias in aliases)
    return Outline(doc, functions, classes, frozenset(names))


def members(folder: str | os.PathLike, defines: str) -> dict[str, Path]:
    """{name: file} of the folder's members, sorted by name."""
    files = sorted(p for p in Path(folder).glob("*.py") if not p.name.startswith("_"))
    return {p.stem: p for p in files if defines in outline(p).names}


class Family(NamedTuple):
    """The members of one package folder.

    kind: what messages call a member.
    package: "rewardlab.rules".
    defines: the top-level name that makes a file a member.
    """

    kind: str
    package: str
    defines: str

    @property
    def folder(self) -> Path:
        return Path(__file__).parent.parent.joinpath(*self.package.split(".")[1:])

    def names(self) -> dict[str, Path]:
        """{name: file} of every member."""
        return members(self.folder, self.defines)

    def file(self, name_or_path: str | os.PathLike, also: tuple[str, ...] = ()) -> Path:
        """The file of a member, or the user's own file. `also`: further names to list when there is none."""
        if is_path(name_or_path):
            return python_file(name_or_path)
        known = self.names()
        if name_or_path not in known:
            raise unknown(self.kind, name_or_path, [*known, *also], "or the path of a .py file")
        return known[name_or_path]

    def load(self, name_or_path: str | os.PathLike):
        """What a member, or the user's own file, defines under the family's agreed name."""
        if is_path(name_or_path):
            module = load_file(name_or_path)
        else:
            self.file(name_or_path)
            module = importlib.import_module(f"{self.package}.{name_or_path}")
        if not hasattr(module, self.defines):
            raise InputError(f"{module.__file__} defines no `{self.defines}` at its top level, so it is no {self.kind}")
        return getattr(module, self.defines)


def is_path(name: object) -> bool:
    """Whether a name is meant as a Python file's path."""
    return isinstance(name, os.PathLike) or (isinstance(name, str) and (name.endswith(".py") or os.sep in name))


_folder: contextvars.ContextVar[str] = contextvars.ContextVar("folder", default="")


@contextlib.contextmanager
def beside(file: str | os.PathLike):
    """While a file is read: relative paths that it names are looked for beside it first, then from the working directory."""
    before = _folder.set(os.path.dirname(os.path.abspath(file)))
    try:
        yield
    finally:
        _folder.reset(before)


def located(path: str | os.PathLike) -> str:
    """The absolute path of what a path means in the file that is being read, if any. Raises ValueError, OSError."""
    given = os.path.expanduser(os.fspath(path))
    near = os.path.abspath(os.path.join(_folder.get(), given))
    return near if os.path.exists(near) else os.path.abspath(given)


def python_file(path: str | os.PathLike) -> Path:
    """The absolute path of an existing Python file."""
    given = os.fspath(path)
    try:
        found = Path(located(given))
        is_file = found.suffix == ".py" and found.is_file()
    except (ValueError, OSError):  # a NUL, a name that is too long, a folder that can't be entered
        is_file = False
    if not is_file:
        raise InputError(f"no Python file at {show(given)}; allowed: the path of an existing .py file")
    return found


class _Source(importlib.machinery.SourceFileLoader):
    def path_stats(self, path: str) -> dict:
        # Then bytecode is neither read, as it can be stale, nor written beside a user's file.
        raise OSError


def load_file(path: str | os.PathLike) -> ModuleType:
    """Runs a user's Python file as a module of its own. The same content at the same path is run only once."""
    path = python_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"can't read {show(str(path))}: {_reason(error)}") from error
    name = _private(path, content)
    if name in sys.modules:
        return sys.modules[name]
    loader = _Source(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None  # with a loader there is one
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it runs
    try:
        with beside(path):
            loader.exec_module(module)
    except InputError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = lines[-1] if lines else getattr(error, "lineno", "?")
        raise InputError(f"{path}, line {line}: {type(error).__name__}: {_reason(error)}") from error
    return module


def source(cls: type) -> str | None:
    """The path of the user's file that `load_file` got a class from; None if there is none or it has changed."""
    path = getattr(sys.modules.get(cls.__module__), "__file__", None)
    try:
        return path if path and cls.__module__ == _private(path, Path(path).read_bytes()) else None
    except OSError:
        return None


def _private(path: str | os.PathLike, content: bytes) -> str:
    return PRIVATE + hashlib.sha256(os.fsencode(path) + bytes(1) + content).hexdigest()[:16]


def _reason(error: BaseException) -> str:
    return one_line(getattr(error, "strerror", None) or getattr(error, "msg", None) or error, 300)
