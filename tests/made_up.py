"""Results of made-up runs, and what figures of them have to be."""

import json

import numpy as np
import xarray as xr
from scipy.stats import trim_mean

from rewardlab.analysis import stats

OUTCOMES = ("coin", "end", "died", "time")
EVALUATIONS = ("held-out", "detour", "behind")
WORDS = {  # what a run of coinrun stores
    "rules": {
        "reinforce": "REINFORCE",
        "ppo": "PPO",
        "parallel_q": "parallel Q",
        "truncation": "truncation selection",
        "openai_es": "OpenAI-ES",
        "guess_and_check": "guess-and-check",
        "yoked": "yoked reward",
    },
    "outcomes": {
        "coin": "reached the coin",
        "end": "ran past the coin to the end",
        "died": "died",
        "time": "ran out of time",
    },
    "evaluations": {
        "held-out": "on held-out levels",
        "detour": "with the coin at a detour",
        "behind": "with the coin behind the start",
    },
}
# final shares: success held-out, success under the shifts, proxy under the shifts, success of the control under them
PROXY, SUCCESS, UNSURE = (0.95, 0.03, 0.90, 0.90), (0.95, 0.90, 0.05, 0.92), (0.95, 0.40, 0.35, 0.90)
UNABLE, UNLEARNED = (0.95, 0.03, 0.90, 0.20), (0.30, 0.10, 0.20, 0.15)


def results(rules, seeds=32, control_seeds=16, outcomes=OUTCOMES, evaluations=EVALUATIONS, control="half", **attrs):
    """A run of four points whose returns climb to the final shares, fast for even seeds; seeds spread by ±.02."""
    rng = np.random.default_rng(3)
    counts = {"end": seeds, "half": control_seeds} if control else {"end": seeds}
    shape = (len(rules), len(counts), max(counts.values()), 4, len(evaluations), len(outcomes))
    share = np.full(shape, np.nan, np.float32)
    for i, (held, success, proxy, able) in enumerate(rules.values()):
        for j, n in enumerate(counts.values()):
            centre = np.zeros((len(evaluations), len(outcomes)))
            centre[:, :2] = [[held, 0.02]] + [[(success, able)[j], proxy * (1 - j)]] * (len(evaluations) - 1)
            noise = np.tile(np.linspace(-1, 1, n)[:, None, None], (1, *centre.shape)) if n > 1 else 0 * centre[None]
            final = np.clip(centre + 0.02 * rng.permuted(noise, axis=0), 0, 1)[:, None]
            climb = np.where(np.arange(n)[:, None] % 2, [0, 0.3, 0.6, 1], [0, 0.95, 0.97, 1])[..., None, None]
            share[i, j, :n] = final * climb
    if len(outcomes) > 2:  # every episode ends in one of them
        share[..., -1] += 1 - share.sum(-1)
    dims = ("rule", "condition", "seed", "point", "evaluation")
    steps = np.broadcast_to(np.arange(4) * 1000.0, shape[:4]).copy()
    steps[np.isnan(share).any((4, 5))] = np.nan  # a seed that a condition does not have
    end, half = {"params": {"moved": 0.0}, "seeds": seeds}, {"params": {"moved": 0.5}, "seeds": control_seeds}
    scripted = np.full((2, len(evaluations), len(outcomes)), 0.25, np.float32)
    return xr.Dataset(
        {
            "outcome_share": ((*dims, "outcome"), share),
            "return": (dims, share[..., 0].copy()),
            "steps": (dims[:4], steps),
            "reference_share": (("reference", "evaluation", "outcome"), scripted),
            "length": (dims, np.ones(shape[:5], np.float32)),
        },
        {
            "rule": list(rules),
            "condition": list(counts),
            "seed": np.arange(shape[2]),
            "point": np.arange(4),
            "evaluation": list(evaluations),
            "outcome": list(outcomes),
            "reference": ["random", "optimal"],
        },
        {
            "name": "made up",
            "question": "What?",
            "capability": 0.8,
            "control_capability": 0.5,
            "control": control or "",
            "experiment": json.dumps({"conditions": {"end": end, "half": half}}),
            "words": json.dumps(WORDS),
        }
        | attrs,
    )


def check(summary):
    """Plain JSON without NaN, whatever the branch; returns the summary as a reader of the file gets it."""
    return json.loads(json.dumps(summary, allow_nan=False))


def close(figure, values):
    """A figure against the plain definition of the mean and the library's interval of the same values."""
    assert figure["n"] == len(values)
    assert abs(figure["iqm"] - trim_mean(values.astype(float), 0.25)) < 1e-12
    low, high = stats.iqm_interval(values)[1:]
    np.testing.assert_allclose([figure["low"], figure["high"]], [low, high], rtol=0, atol=1e-12)
