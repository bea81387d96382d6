"""Turns the tutorials, notebooks without outputs, into executed pages: a hook of mkdocs.

An executed notebook is kept in `build/tutorials` and reused until the notebook, the package or a version changes, so that
the tests, which execute them too, and the site share one execution. `python docs/tools/notebooks.py` executes all of them.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"
KEPT = ROOT / "build" / "tutorials"
LONGEST = 300  # seconds that one notebook may take


def home() -> str:
    """The project's address."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def colab(path: Path) -> str:
    """Where a notebook opens in Colab."""
    return f"https://colab.research.google.com/github/{home().split('/', 3)[3]}/blob/main/{path.relative_to(ROOT)}"


def digest(path: Path) -> str:
    """Of everything that an execution depends on: the notebook, the package, its configs, versions."""
    found = hashlib.sha256(f"{sys.version_info[:2]} {metadata.version('jax')}".encode())
    for source in (path, *sorted((ROOT / "rewardlab").rglob("*.py")), *sorted((ROOT / "configs").rglob("*.*"))):
        if "__pycache__" not in source.parts:
            found.update(source.read_bytes())
    return found.hexdigest()[:16]


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs. Raises nbclient's CellExecutionError where a cell fails."""
    kept = KEPT / f"{path.stem}-{digest(path)}.ipynb"
    if not kept.exists():
        notebook = nbformat.read(path, as_version=4)
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with tempfile.TemporaryDirectory() as folder:
            resources = {"metadata": {"path": folder}}
            NotebookClient(
                notebook, timeout=LONGEST, kernel_name="python3", resources=resources, coalesce_streams=True
            ).execute(env=os.environ | {"PYTHONPATH": paths})
        KEPT.mkdir(parents=True, exist_ok=True)
        for old in KEPT.glob(f"{path.stem}-*.ipynb"):
            old.unlink()
        written = kept.with_suffix(f".{os.getpid()}")
        nbformat.write(notebook, written)
        written.replace(kept)
    return nbformat.read(kept, as_version=4)


def page(path: Path, notebook: nbformat.NotebookNode) -> tuple[str, dict[str, bytes]]:
    """(the page as Markdown, its pictures by name)."""
    title, _, rest = notebook.cells[0].source.partition("\n")
    links = f"[Open in Colab]({colab(path)}){{ .md-button }} [Download the notebook]({path.name}){{ .md-button }}"
    lines, pictures = [f"{title}\n\n{links}\n\n{rest}"], {}
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown":
            lines.append(cell.source)
        elif "hidden" not in cell.metadata.get("tags", ()):
            lines.append(f"```python\n{cell.source}\n```")
            for output in cell.outputs:
                data = output.get("data", {})
                if "image/png" in data:
                    name = f"{path.stem}-{len(pictures)}.png"
                    pictures[name] = base64.b64decode(data["image/png"])
                    lines.append(f"![{cell.metadata.get('alt', 'What the cell draws')}]({name})")
                elif table := re.search(r"<table.*?</table>", data.get("text/html", ""), re.DOTALL):
                    plain = re.sub("<table[^>]*>", "<table>", table[0])  # the theme lets those without a class scroll
                    lines.append(re.sub(r"\n\s*", "", plain))
                elif output.output_type == "stream" and output.name == "stdout":
                    lines.append(shown(output.text))
                elif "text/plain" in data:
                    lines.append(shown(data["text/plain"]))
    return "\n\n".join(lines) + "\n", pictures


def shown(text: str) -> str:
    """What a cell printed, as the page shows it; nothing of `%%writefile`."""
    return "" if text.startswith("Writing ") else f"```text\n{text.rstrip()}\n```"


def on_config(config):
    """Tells the theme where the project is."""
    config.repo_url, config.repo_name = home(), home().split("/", 3)[3]
    return config


def on_files(files, config):
    """Adds a page and its pictures for each notebook."""
    from mkdocs.structure.files import File

    for path in sorted(TUTORIALS.glob("*.ipynb")):
        text, pictures = page(path, executed(path))
        files.append(File.generated(config, f"tutorials/{path.stem}.md", content=text))
        for name, picture in pictures.items():
            files.append(File.generated(config, f"tutorials/{name}", content=picture))
    return files


if __name__ == "__main__":
    for notebook in sorted(TUTORIALS.glob("*.ipynb")):
        executed(notebook)
