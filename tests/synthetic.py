"""A made-up run with the shape of a real one, for the tests of whatever reads results: nothing here was measured."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from pathlib import Path

import numpy as np
import xarray as xr
from made_up import WORDS

from rewardlab.report import placements, reel
from rewardlab.rundir import store

RULES = ("reinforce", "ppo", "parallel_q", "truncation", "openai_es", "guess_and_check", "yoked")
OUTCOMES = ("coin", "end", "died", "time")
EVALUATIONS = ("held-out", "detour", "behind")
REFERENCES = {  # shares of the four outcomes on held-out, detour and behind levels
    "random": ([0.10, 0.02, 0.70, 0.18], [0.06, 0.09, 0.68, 0.17], [0.28, 0.04, 0.55, 0.13]),
    "run right": ([0.12, 0.02, 0.86, 0.00], [0.01, 0.14, 0.85, 0.00], [0.00, 0.14, 0.86, 0.00]),
    "jump right": ([0.31, 0.04, 0.65, 0.00], [0.03, 0.36, 0.61, 0.00], [0.00, 0.36, 0.64, 0.00]),
    "jump at obstacles": ([0.55, 0.05, 0.40, 0.00], [0.04, 0.60, 0.36, 0.00], [0.00, 0.61, 0.39, 0.00]),
    "optimal": ([1.0, 0.0, 0.0, 0.0],) * 3,
}
# final success on the training distribution, and on moved coins in the control
SKILL = dict(zip(RULES, (0.985, 0.99, 0.92, 0.84, 0.81, 0.35, 0.10), strict=True))
CONTROL = dict(zip(RULES, (0.90, 0.93, 0.74, 0.27, 0.12, 0.10, 0.05), strict=True))


def _shares(success, skill, past, seed_noise, rng, episodes):
    """Outcome shares of `episodes` drawn episodes, [..., 4], from a mean success share [...]."""
    success = np.clip(success + seed_noise * 0.04 * (success > 0.01), 0, 1)
    end = (1 - success) * np.clip(past, 0, 1)
    died = (1 - success - end) * (1 - 0.3 * skill)
    p = np.stack([success, end, died, np.clip(1 - success - end - died, 0, 1)], -1)
    return rng.multinomial(episodes, p / p.sum(-1, keepdims=True)) / episodes


def results(
    rules=RULES,
    conditions=(("end", 0.0, 32), ("half", 0.5, 16)),
    points=9,
    episodes=128,
    seed=0,
    evaluations=EVALUATIONS,
    outcomes=OUTCOMES,
    control="half",
    name="coinrun",
    question=None,
    agents=None,
) -> xr.Dataset:
    """Results as a run stores them. conditions: (name, share of training levels with the coin moved, seeds)."""
    rng = np.random.default_rng(seed)
    seeds = max(count for _, _, count in conditions)
    shape = (len(rules), len(conditions), seeds, points, len(evaluations))
    share = np.full((*shape, len(outcomes)), np.nan, np.float32)
    steps = np.full(shape[:4], np.nan)
    for i, rule in enumerate(rules):
        top, half = SKILL.get(rule, 0.9), CONTROL.get(rule, 0.8)
        for j, (_, moved, count) in enumerate(conditions):
            noise = rng.normal(size=(count, 1))
            pace = np.clip(rng.normal(0.25, 0.08, size=(count, 1)), 0.05, None)
            skill = 0.1 + (top - 0.1) * (1 - np.exp(-np.linspace(0, 1, points)[None] / pace))
            cares = half * (1 - np.exp(-12 * moved)) * (skill / top)
            for k in range(len(evaluations)):
                success = (
                    skill if k == 0 else cares + (1 - moved) * (0.06 / (1 + 8 * skill) + 0.2 * (k > 1) * (1 - skill))
                )
                past = 0.1 * np.ones_like(skill) if k == 0 else 0.95 * skill
                drawn = _shares(success, skill, past, noise, rng, episodes)
                share[i, j, :count, :, k] = drawn[..., : len(outcomes)]
                share[i, j, :count, :, k, -1] += drawn[..., len(outcomes) :].sum(-1)
            steps[i, j, :count] = np.linspace(0, 1_000_000, points).round(-3)
    experiment = {
        "name": name,
        "env": name,
        "control": control,
        "steps": 1_000_000,
        "points": points - 1,
        "episodes": episodes,
        "width": 8,
        "conditions": {
            c: {"params": {"moved": moved, "behind": 0.5}, "seeds": count} for c, moved, count in conditions
        },
        "evaluations": {e: {"held_out": True, "moved": float(k > 0)} for k, e in enumerate(evaluations)},
        "rules": {rule: {"rule": rule.partition("-")[0], "hyperparameters": {}} for rule in rules},
        "agent": {"agent": "MLP", "hidden": [16]},
        "agents": agents or {},
    }
    reference = np.zeros((len(REFERENCES), len(evaluations), len(outcomes)), np.float32)
    for r, rows in enumerate(REFERENCES.values()):
        for k in range(len(evaluations)):
            reference[r, k] = rows[k][: len(outcomes)]
            reference[r, k, -1] += sum(rows[k][len(outcomes) :])
    dims = ("rule", "condition", "seed", "point", "evaluation")
    return xr.Dataset(
        {
            "outcome_share": ((*dims, "outcome"), share),
            "return": (dims, share[..., 0]),
            "length": (dims, np.where(np.isnan(share[..., 0]), np.nan, 20 + 30 * share[..., -1]).astype(np.float32)),
            "steps": (dims[:4], steps),
            "reference_share": (("reference", "evaluation", "outcome"), reference),
        },
        coords={
            "rule": list(rules),
            "condition": [c for c, _, _ in conditions],
            "seed": np.arange(seeds),
            "point": np.arange(points),
            "evaluation": list(evaluations),
            "outcome": list(outcomes),
            "reference": list(REFERENCES),
        },
        attrs={
            "name": name,
            "env": name,
            "control": control or "",
            "capability": 0.8,
            "control_capability": 0.5,
            "question": question or "Does an agent that always reached the coin go to the coin when the coin is moved?",
            "experiment": json.dumps(experiment),
            "words": json.dumps(WORDS),
        },
    )


def sweep(**kwargs) -> xr.Dataset:
    """Results with eight shares of moved levels."""
    shares = {"p0": 0.0, "p1": 0.01, "p2": 0.02, "p5": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p100": 1.0}
    return results(conditions=tuple((name, share, 16) for name, share in shares.items()), control="p50", **kwargs)


def replay(length=20, height=56, width=120) -> np.ndarray:
    """uint8[length, height, width, 3]: a square that runs to the right over a floor."""
    frames = np.full((length, height, width, 3), (222, 235, 244), np.uint8)
    frames[:, -8:] = (110, 84, 62)
    frames[:, -16:-8, -16:-8] = (233, 176, 0)
    for t in range(length):
        x = round(t * (width - 8) / max(length - 1, 1))
        frames[t, -18:-8, x : x + 8] = (40, 60, 140)
    return frames


def write_replays(path: Path, rules=RULES, evaluations=EVALUATIONS, seeds=2) -> None:
    """What a page shows beside results: replays of so many seeds, on two levels; and a coin that can be moved, on a floor of 2 x 6.

    Seeds of the first rule fetch the coin from everywhere, seed 1 but from the lower floor; those of the others run to the end.
    """
    strip = reel.Reel()
    for rule in rules:
        for evaluation in evaluations:
            for seed in range(seeds):
                strip.add(rule, evaluation, seed, [replay(9 + seed), replay(5)])
    reel.write(path, strip)
    cells = [1, 2, 3, 4, 5, 8, 9, 10, 11]
    end = [1, 0, 1, 2, 3, 4, 5]
    ways = {cell: [0, *range(0, cell % 6 + 1), *([cell] if cell > 5 else [])] for cell in cells}
    fetches = lambda rule, seed, cell: rule == rules[0] and not (seed == 1 and cell > 5)  # noqa: E731
    known = [end, *ways.values()]
    taken = {
        rule: [[1 + cells.index(c) if fetches(rule, seed, c) else 0 for c in cells] for seed in range(2)]
        for rule in rules
    }
    text = json.dumps({"paths": known, "taken": taken})
    level = {
        "home": 5,
        "start": 0,
        "cells": cells,
        "paths": base64.b64encode(zlib.compress(text.encode())).decode(),
        "level": reel.png(np.full((24, 72, 3), 210, np.uint8)),
        "thing": reel.png(np.full((12, 12, 4), 255, np.uint8)),
        "agent": reel.png(np.full((12, 12, 4), 90, np.uint8)),
    }
    counts = dict.fromkeys(rules, 2)
    stage = {
        "thing": "coin",
        "grid": [2, 6],
        "evaluation": "held-out",
        "rules": counts,
        "levels": [level, level | {"home": 4}],
    }
    placements.write(path, stage)


def write_run(path: Path, data: xr.Dataset, summary: dict) -> Path:
    """A run directory as `run` leaves it, without figures, replays and page."""
    path.mkdir(parents=True, exist_ok=True)
    config = data.attrs["experiment"].encode()
    environment = {
        "python": "3.11.9",
        "versions": {"jax": "0.10.2", "flax": "0.12.8"},
        "devices": ["cpu", "cpu"],
        "width": 8,
        "seconds": {str(rule): {str(c): 12.5 for c in data.condition.values} for rule in data.rule.values},
        "config_sha256": hashlib.sha256(config).hexdigest(),
    }
    store.write(path, store.CONFIG, config)
    store.write(path, store.ENVIRONMENT, store.sealed(environment))
    store.write_results(path, data)
    store.write_summary(path, summary)
    return path
