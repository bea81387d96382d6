"""The main job on a CPU, its networks' products rounded as a TPU rounds them: python tests/rounded.py [ARGUMENT ...]

Operands of every layer are rounded to bfloat16, there and in their gradients, sums stay in float32: `rounded` of `agents/dense.py`.
The arguments are those of `rewardlab run`; without any it is the main job, into runs/coinrun-rounded. What comes out is to be
held against the same run without rounding: intervals that lie apart would say that the precision matters.
"""

import sys
from pathlib import Path

import jax
from jax.interpreters import mlir

sys.path.insert(0, str(Path(__file__).parents[1]))

from rewardlab import cli
from rewardlab.agents import dense


def rounded(x, kernel, *, few):
    """`dense.rounded`, in a way that XLA on a CPU can't simplify away."""
    x, kernel = (jax.lax.reduce_precision(a, exponent_bits=8, mantissa_bits=7) for a in (x, kernel))
    return x @ kernel


if __name__ == "__main__":
    mlir.register_lowering(dense.product_p, mlir.lower_fun(rounded, multiple_results=False), platform="cpu")
    sys.exit(cli.main(["run", *(sys.argv[1:] or ["coinrun", "--out", "runs/coinrun-rounded"])]))
