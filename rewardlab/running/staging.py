"""A run's policies -> what its page shows of them where a thing is moved: every cell, every seed, played through exactly."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rewardlab import policies
from rewardlab.envs.world import Placements
from rewardlab.experiment.plan import Plan
from rewardlab.inputs.errors import returned
from rewardlab.probes import placed
from rewardlab.report.reel import png
from rewardlab.rundir.parts import Part

LEVELS = 4  # some 20 kB each in the main job's page
SEEDS = 32  # of each rule, the first ones: then a share of them is known to 3 points
MOST = 2**21  # bytes of all levels in the page


def stage(plan: Plan, path: Any, found: Sequence[Part], key: jax.Array) -> dict[str, Any]:
    """What a page needs to let its reader put the world's thing elsewhere, as plain data; {} where the world offers none.

    thing, grid: as of `Placements`. evaluation: whose levels they are, the first one. rules: {rule: seeds played}. levels: of each,
    `drawn` says the pictures; `cells`, where the thing can be put; `home` and `start`, where it and the agent are; and `paths`
    (`packed`). key: what draws the levels. Raises InputError where no policy of a rule is kept.
    """
    env = plan.env
    if not placed.there(env):
        return {}
    name, params = next(iter(plan.evaluations.items()))
    placements = env.placements(params)
    main = next(iter(plan.experiment.conditions))
    seeds = {
        rule: policies.first(path, plan, rule, min(SEEDS, plan.experiment.seeds_of(rule, main)), found) or 1
        for rule in plan.experiment.rules
    }
    trained = {rule: policies.read(path, plan, rule, None, -1, range(n), found) for rule, n in seeds.items()}
    states = placed.levels(env, params, key, LEVELS)
    masks = [placed.cells(placements, state) for state in states]
    widest, most = max(map(len, masks)), max(seeds.values())
    players: dict[Any, Any] = {}
    shown: list[dict[str, Any]] = []
    size = 0
    for state, cells in zip(states, masks, strict=True):
        if not len(cells):
            continue
        went = {}
        for rule, policy in trained.items():
            kind, n = plan.kind(rule), seeds[rule]
            play = players.setdefault(kind, placed.player(env, plan.setting(rule).agent, kind.act, placements))
            # All levels and rules fill the same shapes, so that each kind of policy is compiled once.
            full = jax.tree.map(lambda x: np.resize(x, (most, *x.shape[1:])), policy)
            ways = jax.tree.map(np.asarray, play(params, full, state, np.resize(cells, widest), key))
            went[rule] = jax.tree.map(lambda x, n=n, m=len(cells): x[:n, :m], ways)
        places = {"home": int(placements.home(state)), "start": int(placements.agent(state))}
        level = {
            **places,
            "cells": cells.tolist(),
            "paths": packed(went),
            **drawn(env, params, placements, state, cells, went),
        }
        size += len(json.dumps(level))
        if size > MOST:
            break
        shown.append(level)
    grid = {"thing": placements.thing, "grid": [int(x) for x in placements.grid]}
    return {**grid, "evaluation": name, "rules": seeds, "levels": shown} if shown else {}


def packed(went: dict[str, placed.Paths]) -> str:
    """{"paths": [[outcome, cell, cell, ...]], "taken": {rule: [seeds][cells], numbers of paths}} as JSON, deflated, in base 64.

    Many agents go the same way wherever the thing is, so a way is kept once.
    """
    known: dict[tuple[int, ...], int] = {}
    taken = {
        rule: [
            [
                known.setdefault((int(how), *map(int, way[: n + 1])), len(known))
                for way, n, how in zip(*seed, strict=True)
            ]
            for seed in zip(ways.cells, ways.length, ways.outcome, strict=True)
        ]
        for rule, ways in went.items()
    }
    text = json.dumps({"paths": [list(way) for way in known], "taken": taken}, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")


def drawn(
    env, params, placements: Placements, state, cells: np.ndarray, went: dict[str, placed.Paths]
) -> dict[str, str]:
    """{"level", "thing", "agent"}: PNGs in base 64, all by the world's own `render_rgb`. The level is without thing and agent,
    which are what differs from it on their cells. Raises InputError for pictures that do not fall into cells.
    """
    render = jax.jit(lambda state: env.render_rgb(state, params))
    at = [np.asarray(render(placed.put(placements, state, jnp.int32(cell)))) for cell in (cells[0], cells[-1])]
    height, width = at[0].shape[0] // placements.grid[0], at[0].shape[1] // placements.grid[1]
    if (height * placements.grid[0], width * placements.grid[1]) != at[0].shape[:2]:
        rows, columns = placements.grid
        raise returned(
            "render_rgb", f"is uint8{list(at[0].shape)}", f"whole pixels for each of {rows} x {columns} cells"
        )

    def tile(picture: np.ndarray, cell: int) -> np.ndarray:
        row, column = divmod(int(cell), placements.grid[1])
        return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]

    start, level = int(placements.agent(state)), at[0].copy()
    tile(level, cells[0])[:] = tile(at[1], cells[0])
    elsewhere = _gone(went, start)
    if elsewhere is not None:  # someone has left the start, and so it can be seen empty
        tile(level, start)[:] = tile(np.asarray(render(placed.put(placements, elsewhere, jnp.int32(cells[0])))), start)

    def sprite(picture: np.ndarray, cell: int) -> np.ndarray:
        seen = tile(picture, cell)
        return np.dstack([seen, 255 * (seen != tile(level, cell)).any(-1).astype(np.uint8)])

    agent, thing = sprite(at[0], start), sprite(at[0], int(cells[0]))
    return {name: png(picture) for name, picture in (("level", level), ("thing", thing), ("agent", agent))}


def _gone(went: dict[str, placed.Paths], start: int):
    """The last state of an episode that ended away from the start, None where there is none."""
    for ways in went.values():
        end = np.take_along_axis(ways.cells, ways.length[..., None], 2)[..., 0]
        found = np.argwhere(end != start)
        if len(found):
            return jax.tree.map(lambda x, at=tuple(found[0]): x[at], ways.last)
    return None
