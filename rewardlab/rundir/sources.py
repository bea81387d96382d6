"""The files and packages behind a world or a rule: the Python file that defines it, and what that imports."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

OWN = Path(__file__).resolve().parent.parent


class Sources(NamedTuple):
    """files: Python files, the one asked about first. packages: {name of an installed distribution: its version}."""

    files: tuple[Path, ...]
    packages: dict[str, str]


def behind(file: Path) -> Sources:
    """A Python file and what it imports, and what that imports in turn. Nothing is run.

    Files are those beside it or in its package, and those on Python's path that belong to no installed distribution. Imports
    count wherever they stand; those of a name that is worked out are not seen. Of RewardLab's own files none are behind a user's,
    and behind each of them those in the same folder: its version stands for the others.
    """
    file = file.resolve()
    found, left, asked = [file], [file], set[tuple[str, tuple[Path, ...]]]()
    packages: dict[str, str] = {}
    while left:
        here = left.pop()
        for name, folder in _imports(here):
            top = name.split(".")[0]
            places = (folder,) if folder else (file.parent, _outside(here))
            if (name, places) in asked:
                continue
            asked.add((name, places))
            if top == OWN.name:  # of the package itself, what is beside the file
                files = _files(OWN.parent, name) if file.is_relative_to(OWN) else []
                files = [f for f in files if f.parent == file.parent]
            else:
                there = ((place, _files(place, name)) for place in places)
                files = next((f for place, f in there if f and (folder or place != _installed_in(top))), [])
            if not (files or folder or top in sys.stdlib_module_names):
                packages |= distribution(top)
                files = [] if distribution(top) else _on_path(name)
            new = [f for f in files if f not in found]
            found += new
            left += new
    return Sources((file, *sorted(found[1:])), dict(sorted(packages.items())))


def distribution(package: str) -> dict[str, str]:
    """{name: version} of the installed distribution that a package of this name is of; there may be none."""
    found = _installed(package)
    return {found.name: found.version} if found else {}


def _installed_in(package: str) -> Path | None:
    """The folder in which the distribution of a package is installed, beside all others."""
    found = _installed(package)
    return found.folder if found else None


class _Installed(NamedTuple):
    name: str
    version: str
    folder: Path


@functools.cache
def _installed(package: str) -> _Installed | None:
    """The distribution that a package of this name is of; None where none is installed."""
    found = _named(package)  # as most are: to read what else may have it takes seconds
    return found or next(filter(None, map(_named, _distributions().get(package, ()))), None)


def _named(distribution: str) -> _Installed | None:
    try:
        found = metadata.distribution(distribution)
    except (metadata.PackageNotFoundError, ValueError):
        return None
    return _Installed(distribution, found.version, Path(str(found.locate_file(""))).resolve())


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def _imports(file: Path) -> tuple[tuple[str, Path | None], ...]:
    """(dotted name, where it is looked for, None for an absolute import) of everything that a file imports."""
    try:
        stat = file.stat()
        return _parsed(file, stat.st_mtime_ns, stat.st_size)
    except (OSError, SyntaxError, ValueError, RecursionError):  # then nothing imports it, either
        return ()


@functools.lru_cache(maxsize=1024)
def _parsed(file: Path, mtime: int, size: int) -> tuple[tuple[str, Path | None], ...]:
    return tuple(dict.fromkeys(_imported(file, ast.parse(file.read_bytes(), filename=str(file)))))


def _imported(file: Path, tree: ast.Module) -> Iterator[tuple[str, Path | None]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                yield from ((alias.name, None) for alias in aliases)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                folder = file.parents[level - 1] if 0 < level <= len(file.parents) else None
                prefix = f"{module}." if module else ""
                yield from ((f"{prefix}{alias.name}", folder) for alias in aliases)


def _files(place: Path, name: str) -> list[Path]:
    """The files that `import name` runs where it is looked for in `place`: packages, and a module or a package at the end."""
    files: list[Path] = []
    for part in name.split("."):
        if (module := place / f"{part}.py").is_file():
            return [*files, module]
        place = place / part
        if (module := place / "__init__.py").is_file():
            files.append(module)
    return files


def _outside(file: Path) -> Path:
    """The folder that has the package which a file is in; its own where that is no package."""
    folder = file.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _on_path(name: str) -> list[Path]:
    """The files that `import name` runs, by Python's path."""
    top = name.split(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError, AttributeError):
        return []
    origin = getattr(spec, "origin", None)
    if not origin or not origin.endswith(".py"):
        return []
    place = Path(origin).resolve().parent
    return _files(place.parent if Path(origin).name == "__init__.py" else place, name)
