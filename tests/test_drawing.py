"""Figures are the same whatever the environment, a matplotlibrc or a program's own settings say of matplotlib."""

import os
import subprocess
import sys
import warnings

import matplotlib
import pytest
from synthetic import results

from rewardlab.analysis import reading
from rewardlab.report import figures

HOSTILE = {
    "text.usetex": True,
    "font.family": ["no such font"],
    "axes.facecolor": "black",
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "lines.linewidth": 9.0,
    "path.sketch": (5.0, 100.0, 2.0),
    "axes.formatter.use_locale": True,
    "figure.constrained_layout.w_pad": 0.5,
}


def drawn(folder):
    data = reading.filled(results(rules=("ppo", "truncation"), points=3))
    return {name: file.read_bytes() for name, file in figures.write(data, folder).items() if name == "outcomes"}


def test_figures_do_not_depend_on_settings_of_matplotlib_and_leave_them_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr(
        figures, "available", lambda data, *_, known=figures.available: {"outcomes": known(data)["outcomes"]}
    )
    plain = drawn(tmp_path / "plain")
    with matplotlib.rc_context(HOSTILE), warnings.catch_warnings():
        warnings.simplefilter("error")
        before = dict(matplotlib.rcParams)
        assert drawn(tmp_path / "hostile") == plain and len(plain) == 1
        assert dict(matplotlib.rcParams) == before


IMPORT = """
import os
from rewardlab.inputs.errors import InputError
from rewardlab.report import drawing
before = dict(os.environ)
try:
    drawing.import_matplotlib()
    from matplotlib.figure import Figure
    with drawing.styled({"font.size": 8}):
        Figure(figsize=(1, 1)).savefig("figure.png")
except InputError as error:
    print("InputError", str(error).count("\\n"))
assert dict(os.environ) == before
print(len(open("figure.png", "rb").read()) if os.path.exists("figure.png") else 0)
"""


@pytest.mark.parametrize(
    ("variables", "here"),
    [
        ({"MPLBACKEND": "nosuch", "MATPLOTLIBRC": "no text"}, False),
        pytest.param({"MPLBACKEND": "module://gone.with.its.package"}, False, marks=pytest.mark.slow),
        pytest.param({}, True, marks=pytest.mark.slow),
    ],
)
def test_what_stops_the_import_of_matplotlib_is_left_out_or_said_in_one_line(variables, here, tmp_path):
    """The file in the working directory can't be left out."""
    (tmp_path / ("matplotlibrc" if here else "no text")).write_bytes(b"font.family: \xff\xfe\n")
    path = os.pathsep.join(path for path in sys.path if path)
    given = {name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "MATPLOTLIBRC")}
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=given | {"PYTHONPATH": path} | variables,
    )
    *said, size = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert (said, size) == (["InputError 0"], "0") if here else said == [] and int(size) > 100
