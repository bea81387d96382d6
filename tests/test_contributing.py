"""CONTRIBUTING.md is true: what it names is there, its example is a rule, its checks are those of continuous integration."""

import re
from pathlib import Path

import pytest
import yaml
from documents import FILES, ROOT, anchors

import rewardlab
from rewardlab import rules

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLE = re.search(r"`(rewardlab/rules/\w+\.py)` say:\n\n```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
CHECKS = re.findall(r"^    ((?:ruff|mypy)\b.*)$", TEXT, re.MULTILINE)


def test_files_and_links_lead_to_what_is_there():
    quoted = {
        word for code in re.findall(r"`([^`\n]+)`|^    (.*)$", TEXT, re.MULTILINE) for word in "".join(code).split()
    }
    paths = {word for word in quoted if re.fullmatch(r"[.\w/]+(/|\.(py|md|toml|txt))|\.ci/run", word)}
    named = paths - {*FILES} - {EXAMPLE[1]}
    assert len(named) > 40 and paths & {*FILES}
    assert [path for path in sorted(named) if not any((ROOT / at / path).exists() for at in ("", "rewardlab"))] == []
    links = re.findall(r"\]\(([^)#]*)#?([^)]*)\)", TEXT)
    assert len(links) > 2
    for path, anchor in links:
        assert not anchor or anchor in anchors((ROOT / path).read_text(encoding="utf-8")), anchor
    layout = re.findall(r"^    ([\w/.]+[/.][\w/.]*)  +\S", TEXT, re.MULTILINE)
    assert len(layout) > 20 and [path for path in layout if not (ROOT / path).exists()] == []


def test_the_example_is_a_rule(tmp_path):
    path = tmp_path / Path(EXAMPLE[1]).name
    path.write_text(EXAMPLE[2], encoding="utf-8")
    assert not (ROOT / EXAMPLE[1]).exists() and rules.load(path).level == 3
    (found,) = rewardlab.audit(path, agent=rewardlab.MLP(hidden=(4,)), env="dark_room")
    assert found.enters == "amounts" and not any(found.gradient.values())


@pytest.mark.parametrize("name", ["envs", "agents", "rules", "probes", "questions"])
def test_every_kind_of_member_has_its_row(name):
    family = __import__(f"rewardlab.{name}", fromlist=["FAMILY"]).FAMILY
    assert re.search(rf"^\| .* `rewardlab/{name}/` \| `{family.defines}` \|", TEXT, re.MULTILINE)


def test_what_is_checked_by_hand_is_checked_first_and_before_a_commit():
    lines = [line.strip() for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith("pytest"))
    assert len(CHECKS) == 3 and lines[first - 3 : first] == CHECKS
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks][:3] == CHECKS and all(hook["language"] == "system" for hook in hooks)
