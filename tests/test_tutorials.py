"""The tutorials run, and are kept without what they print."""

import nbformat
import pytest
from documents import NOTEBOOKS, tool


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_tutorials_are_kept_without_outputs_and_begin_with_their_installation(notebook):
    cells = nbformat.read(notebook, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    assert "pip install" in code[0].source and f"git+{tool('notebooks').home()}" in code[0].source
    assert not any(cell.outputs or cell.execution_count for cell in code)


@pytest.mark.slow(minutes=2)
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_tutorials_run(notebook, monkeypatch):
    """As the site shows them: building it afterwards executes none again."""
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    tools = tool("notebooks")
    text, pictures = tools.page(notebook, tools.executed(notebook))
    assert text.count("```text") + text.count("<table") + len(pictures) >= 2 and "Traceback" not in text
