"""What gymnax offers, read from its files: importing it takes seconds, too long for a message about a typing error."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from pathlib import Path


@functools.cache
def built_in() -> dict[str, Path]:
    """{name: file} of gymnax's own environments; empty where its registry is not written as it was when this was."""
    spec = importlib.util.find_spec("gymnax")
    assert spec is not None and spec.origin is not None  # RewardLab needs it
    root = Path(spec.origin).parent
    registry = root / "registration.py"
    if not registry.is_file():
        return {}
    modules: dict[str, Path] = {}
    found: dict[str, Path] = {}
    for node in ast.parse(registry.read_text(encoding="utf-8")).body:
        match node:
            case ast.ImportFrom(module=str(package), names=aliases):
                folder = root.joinpath(*package.split(".")[1:])
                modules |= {alias.asname or alias.name: folder / f"{alias.name}.py" for alias in aliases}
            case ast.AnnAssign(target=ast.Name(id="_builtins"), value=ast.Dict(keys=keys, values=values)):
                for key, value in zip(keys, values, strict=True):
                    match key, value:
                        case ast.Constant(value=str(name)), ast.Attribute(value=ast.Name(id=module)) if (
                            module in modules
                        ):
                            found[name] = modules[module]
    return found if all(file.is_file() for file in found.values()) else {}


def names() -> tuple[str, ...]:
    """Names of the environments that gymnax has, those that the user registered included."""
    if not built_in():
        importlib.import_module("rewardlab.envs.gymnax_api")
    gymnax = sys.modules.get("gymnax")
    return tuple(sorted({*built_in(), *getattr(gymnax, "registered_envs", ())}))
