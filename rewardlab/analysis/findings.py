"""Findings: what a finished run came to, as one plain record; the committed ones are in `findings.json`, made by `rewardlab atlas`.

`findings_of_others.toml`, written by hand, holds what others found, beside what came of it here.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rewardlab.analysis import compare, naming
from rewardlab.analysis.cautions import is_control
from rewardlab.analysis.wording import count, figure, listed, plain, sentence
from rewardlab.experiment import Experiment, config, override
from rewardlab.inputs.errors import InputError, one_word, show, unknown
from rewardlab.inputs.fields import expect
from rewardlab.inputs.files import read_json, read_text, write
from rewardlab.rundir import netcdf, provenance, store

FORMAT = 1
RECORD = Path(__file__).parents[1] / "findings.json"
OTHERS = RECORD.with_name("findings_of_others.toml")
NUMBERS = {"iqm": float | None, "low": float | None, "high": float | None, "n": int}
RULE = {"title": str, "short": str, "competent": int, "seeds": int, "control": bool}
FINDING = {
    **dict.fromkeys(("name", "size", "question", "claim", "source", "command", "world", "control", "python"), str),
    **dict.fromkeys(("date", "commit"), str | None),
    "root_seed": int,
    **dict.fromkeys(("cores", "levels"), int | None),
    "rules": dict[str, Any],
    "verdict": list[str],
    "effect": dict[str, Any] | None,
    "seconds": dict[str, float] | None,
    "versions": dict[str, str | None],
    "results": str,
}
STATES = ("met", "not met", "not run")
OF_OTHERS = dict.fromkeys(("finding", "source", "theirs", "state", "ours"), str) | {"experiments": list[str]}
SMOKE = "smoke"

Finding = dict[str, Any]  # with the fields of FINDING


def of_run(directory: str | Path) -> Finding:
    """The finding of a finished run; its sentences are made anew from its results. Runs no user's file. Raises InputError."""
    run = store.open_run(directory)
    if not run.finished:
        _ = run.results  # says what is missing or damaged
        raise InputError(f"{show(str(directory))} is not finished; `rewardlab run` of the same experiment finishes it")
    told, results = run.config, run.results
    summary, said = compare.summarise(results), naming.read(results)
    environment = run.environment if (run.path / store.ENVIRONMENT).exists() else {}
    name, size, command = origin(told)
    known = config.load(name) if name in config.names() else None  # whose wording is the newest
    effect = summary["effect"]
    rules = {
        rule: {
            "title": said.rule(rule),
            "short": entry["short"],
            "competent": entry["competent_seeds"],
            "seeds": entry["seeds"],
            "control": is_control(entry),
        }
        for rule, entry in summary["rules"].items()
    }
    return expect(
        {
            "name": name,
            "size": size,
            "question": told.get("question", ""),
            **{field: str(getattr(known, field)) if known else told.get(field, "") for field in ("claim", "source")},
            "command": command,
            "world": Path(str(results.attrs.get("env", ""))).stem,
            "rules": rules,
            "verdict": summary["verdict"],
            "effect": effect and {"what": effect["what"], "measure": effect["measure"], **effect["figure"]},
            "control": results.attrs.get("control", ""),
            **provenance.together(environment.get("pieces", [])),
            "versions": {k: v for k, v in environment.get("versions", {}).items() if k in ("rewardlab", "jax", "flax")},
            "python": str(environment.get("python", "")),
            "root_seed": told.get("seed", 0),
            "levels": told.get("env_kwargs", {}).get("seed"),
            "results": netcdf.digest(results),
        },
        show(str(directory)),
        FINDING,
    )


def origin(told: Mapping[str, Any]) -> tuple[str, str, str]:
    """(name, size, command) of a run's experiment: of its config, with a flag for each field that it has otherwise."""
    name = str(told.get("name", ""))
    best: tuple[int, str, str] | None = None
    if name in config.names():
        mine = _leaves(Experiment.from_json(json.dumps(dict(told))))
        for size, known in sizes(name).items():
            theirs = _leaves(known)
            if theirs.keys() != mine.keys():
                continue
            other = {k: v for k, v in mine.items() if v != theirs[k] and not (k == "width" and theirs[k] == "0")}
            flags = "".join(f" --{one_word(k).replace('_', '-')} {v}".rstrip() for k, v in other.items())
            if best is None or len(other) < best[0]:
                best = (len(other), size, f"rewardlab run {name}" + f" --{size}" * bool(size) + flags)
    return (name, best[1], best[2]) if best else (name, "", "rewardlab run config.json")


def sizes(name: str) -> dict[str, Experiment]:
    """{"": a config's experiment, and its other sizes by name, that of a smoke test included}."""
    found = {"": config.load(name)} | {size: config.load(name, size) for size in config.sizes(name)}
    return found | {SMOKE: config.smoke(found[""])}


def _leaves(experiment: Experiment) -> dict[str, str]:
    told = ("claim", "source", "question")
    return {path: text for path, text, _ in override.leaves(experiment) if path not in told}


def key(finding: Finding) -> str:
    """What a finding is recorded under: one of each config and size."""
    return finding["name"] + f"-{finding['size']}" * bool(finding["size"])


def read(file: Path = RECORD) -> dict[str, Finding]:
    """The committed findings, {key: finding}; none where there is no such file. Raises InputError where it is not as written."""
    if not file.exists():
        return {}
    where = show(str(file))
    told = expect(read_json(read_text(file), where), where, {"format": int, "findings": dict[str, Any]})
    if told["format"] != FORMAT:
        raise InputError(f"{where} has format = {told['format']}, which this version can't read; allowed: {FORMAT}")
    for name, found in told["findings"].items():
        expect(found, f"{where}, {show(name)}", FINDING)
        for rule, entry in found["rules"].items():
            expect(entry, f"{where}, {show(name)}, rule {show(rule)}", RULE)
        if found["effect"] is not None:
            expect(found["effect"], f"{where}, {show(name)}", {"what": str, "measure": str} | NUMBERS)
    return told["findings"]


def record(findings: Iterable[Finding], file: Path = RECORD) -> dict[str, Finding]:
    """Puts findings into the record, each in place of that of the same config and size, and returns it. Raises InputError."""
    new = list(findings)
    for found in new:
        if found["size"] == SMOKE:
            raise InputError(f"{found['command']} learns nothing; allowed: runs of another size than --smoke")
        if not found["claim"]:
            raise InputError(
                f"{show(found['name'])} states no claim; allowed: experiments that do, as `rewardlab list` shows"
            )
    known = read(file) | {key(found): found for found in new}
    plain = {"format": FORMAT, "findings": {name: known[name] for name in sorted(known)}}
    write(file.parent, file.name, (json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    return plain["findings"]  # type: ignore[return-value]


def of_others(file: Path = OTHERS) -> list[dict[str, Any]]:
    """What others found, with the fields of OF_OTHERS. Raises InputError."""
    try:
        rows = tomllib.loads(read_text(file))["findings"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise InputError(f"{show(str(file))} is no list of findings: {error}") from error
    for row in rows:
        expect(row, show(str(file)), OF_OTHERS)
        if row["state"] not in STATES:
            raise unknown("state of a finding", row["state"], STATES)
        for name in row["experiments"]:
            if name not in config.names():
                raise unknown("config", name, config.names())
    return rows


def by_claim(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """{claim: its findings}, in the order in which claims come; findings of none last, under ""."""
    found: dict[str, list[Finding]] = {}
    for one in sorted(findings, key=lambda one: not one["claim"]):
        found.setdefault(one["claim"], []).append(one)
    return found


def sources(findings: Iterable[Finding]) -> str:
    """Who made a claim, by the experiments that are about it: each once."""
    return "; ".join(dict.fromkeys(part for one in findings for part in one["source"].split("; ") if part))


def brief(finding: Finding, whole: bool = False) -> list[tuple[str, str, bool]]:
    """(whose, what is said of them in a few words, whether something is claimed), of all rules but controls.

    whole: with the reason why nothing is claimed.
    """
    said: dict[str, list[str]] = {}
    for rule in finding["rules"].values():
        if not rule["control"]:
            short = rule["short"]
            short = short if whole or not short.startswith("no claim") else short.partition(": ")[0]
            said.setdefault(short, []).append(rule["title"])
    return [(whose(titles), short, not short.startswith("no claim")) for short, titles in said.items()]


def whose(titles: list[str]) -> str:
    """ "PPO and A2C"; of many, how many."""
    return listed(titles) if len(titles) < 7 else f"{len(titles)} rules"


def in_short(finding: Finding) -> str:
    """The verdict in one line."""
    return " ".join(f"{sentence(who)}: {short}." for who, short, _ in brief(finding)) or "No rule but controls."


def effect(finding: Finding) -> str:
    """ "PPO ran past the coin: 93 % [92–95]", or "–"."""
    found = finding["effect"]
    if not found:
        return "–"
    if found["measure"] != "return" or found["iqm"] is None:
        return f"{found['what']}: {figure(found, found['measure'])}"
    iqm, low, high = (None if found[x] is None else f"{found[x]:.3g}".replace("-", "−") for x in ("iqm", "low", "high"))
    return f"{found['what']}: {iqm}" + (f" [{low} to {high}]" if low is not None else "")


def seeds(finding: Finding) -> str:
    """ "30 seeds a rule", or "10 to 32 seeds a rule"."""
    numbers = sorted({rule["seeds"] for rule in finding["rules"].values()})
    return " to ".join(map(str, dict.fromkeys((numbers[0], numbers[-1])))) + " seeds a rule" if numbers else "–"


def time(finding: Finding) -> str:
    """ "6.9 minutes on 2 cores", or "–" of a run that recorded none."""
    spent = finding["seconds"]
    return f"{clock(spent['wall'])} on {count(finding['cores'], 'core')}" if spent else "–"


def clock(seconds: float) -> str:
    """ "45 seconds", "6.9 minutes", "1.2 hours"."""
    if seconds < 90:
        return count(round(seconds), "second")
    return f"{seconds / 60:.2g} minutes" if seconds < 5400 else f"{seconds / 3600:.2g} hours"


def conditions(finding: Finding) -> str:
    """What a run's numbers hold for beside its command: root seed, levels, commit, date, versions."""
    levels = "" if finding["levels"] is None else f", levels {finding['levels']}"
    parts = [f"root seed {finding['root_seed']}{levels}"]
    parts += [f"commit {finding['commit']}"] * bool(finding["commit"]) + [finding["date"]] * bool(finding["date"])
    parts += [f"{name} {version}" for name, version in finding["versions"].items() if version and name != "rewardlab"]
    return ", ".join(parts)


def control(finding: Finding) -> str:
    """What shows that a miss is not lack of ability: the condition that is the control, and the rules that are controls."""
    rules = [rule["title"] for rule in finding["rules"].values() if rule["control"]]
    return listed([*([f"“{plain(finding['control'])}”"] * bool(finding["control"])), *rules]) or "–"
