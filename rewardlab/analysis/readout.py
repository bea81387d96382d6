"""What can be read from activations by a linear map: ridge regression and multinomial logistic regression, held out.

Pure JAX, to be traced and mapped over seeds. Features are centred and scaled to variance 1 over the examples that are fitted; how
strong the penalty is was fixed beforehand, and is the same for every layer, network and target:

    ridge:     mean over examples of |y - x w - b|² + RIDGE · |w|²
    logistic:  mean over examples of the negative log-likelihood + LOGISTIC / 2 · |w|²

Scores are those of examples that were not fitted: R², the share of variance accounted for, which is below 0 where the mean of those
fitted would have been better; or accuracy. What can be read from the observation, or from a network that has learned nothing, says
how much a score is worth.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from rewardlab.agents.dense import barrier_p
from rewardlab.backend.elimination import solved

RIDGE, LOGISTIC = 0.1, 0.01
TURNS = 300  # of accelerated gradient descent
HIGHEST = jax.lax.Precision.HIGHEST


class Linear(NamedTuple):
    """A linear map of features float32[N, D], (x - mean) * gain @ weights + bias: mean, gain float32[D]; weights float32[D, K];
    bias float32[K].
    """

    mean: jax.Array
    gain: jax.Array
    weights: jax.Array
    bias: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        """float32[N, K]."""
        return _product((x - self.mean) * self.gain, self.weights) + self.bias


def ridge(x: jax.Array, y: jax.Array, fitted: jax.Array, penalty: float = RIDGE) -> Linear:
    """The map from x float32[N, D] to y float32[N, K], least squares over the examples `fitted`, bool[N]."""
    weight = fitted.astype(jnp.float32)
    mean, gain, z = _scaled(x, weight)
    n = jnp.maximum(weight.sum(), 1.0)
    bias = (weight[:, None] * y).sum(0) / n
    both = jnp.concatenate([z, weight[:, None] * (y - bias)], 1)
    sums = _product(barrier_p.bind(z.mT), both) / n  # z.mT @ z and z.mT @ y at once
    square = sums[:, : x.shape[1]] + penalty * jnp.eye(x.shape[1], dtype=jnp.float32)
    weights = solved(square, sums[:, x.shape[1] :])
    return Linear(mean, gain, weights, bias)


def logistic(x: jax.Array, y: jax.Array, fitted: jax.Array, penalty: float = LOGISTIC, turns: int = TURNS) -> Linear:
    """The map from x float32[N, D] to logits of the K classes: y float32[N, K] has the share of each that is to be said, in most
    cases one-hot. Over the examples `fitted`, bool[N], by accelerated gradient descent; K = 2 is logistic regression.
    """
    weight = fitted.astype(jnp.float32)
    mean, gain, z = _scaled(x, weight)
    n = jnp.maximum(weight.sum(), 1.0)
    z = jnp.concatenate([z, weight[:, None]], 1)  # the last one is for the bias, which has no penalty
    held = jnp.append(jnp.full(x.shape[1], penalty, jnp.float32), 0.0)[:, None]
    # The slope changes by no more than this: a softmax's by 1/2, times the largest sum of squares of z in any direction.
    steep = 0.5 * _largest(z, n) + penalty
    turned = barrier_p.bind(z.mT)

    def turn(k: jax.Array, carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        now, before = carry
        ahead = now + (k.astype(jnp.float32) / (k.astype(jnp.float32) + 3.0)) * (now - before)
        wrong = weight[:, None] * (jax.nn.softmax(_product(z, ahead), -1) - y)
        return ahead - (_product(turned, wrong) / n + held * ahead) / steep, now

    none = jnp.zeros((z.shape[1], y.shape[1]), jnp.float32)
    weights = jax.lax.fori_loop(0, turns, turn, (none, none))[0]
    return Linear(mean, gain, weights[:-1], weights[-1])


def r_squared(said: jax.Array, y: jax.Array, fitted: jax.Array) -> jax.Array:
    """float32[K], of what is said of y, float32[N, K] each, over the examples that were not fitted, NaN without any; the mean is of
    those fitted.
    """
    weight = fitted.astype(jnp.float32)[:, None]
    mean = (weight * y).sum(0) / jnp.maximum(weight.sum(), 1.0)
    wrong, spread = (((1 - weight) * (y - what) ** 2).sum(0) for what in (said, mean))
    return jnp.where(fitted.all(), jnp.nan, 1 - wrong / jnp.maximum(spread, 1e-12))


def accuracy(said: jax.Array, right: jax.Array, fitted: jax.Array) -> jax.Array:
    """float32[], how often the largest of what is said, float32[N, K], is right, over the examples that were not fitted.

    right: bool[N, K], several may be; examples without a right answer do not count. NaN where none counts.
    """
    best = jnp.argmax(said, -1)
    hit = jnp.take_along_axis(right, best[:, None], -1)[:, 0]
    counts = ~fitted & right.any(-1)
    n = counts.sum(dtype=jnp.float32)
    return jnp.where(n > 0, (hit & counts).sum(dtype=jnp.float32) / jnp.maximum(n, 1.0), jnp.nan)


def shares(right: jax.Array) -> jax.Array:
    """float32[N, K], what is to be said where any of these answers is right, bool[N, K]: each of them as likely."""
    return right.astype(jnp.float32) / jnp.maximum(right.sum(-1, keepdims=True, dtype=jnp.float32), 1.0)


def commonest(right: jax.Array, fitted: jax.Array) -> jax.Array:
    """float32[]: the accuracy of always giving the answer that is right most often among the examples that are fitted."""
    often = (shares(right) * fitted[:, None].astype(jnp.float32)).sum(0)
    return accuracy(jnp.broadcast_to(often, right.shape), right, fitted)


def inflation(x: jax.Array, counts: jax.Array) -> jax.Array:
    """float32[D], the variance inflation factor of each feature of float32[N, D] over the examples that count, bool[N]: by how much
    it is harder to tell apart from the others than if it went with none; 1 at least.
    """
    _, _, z = _scaled(x, counts.astype(jnp.float32))
    related = _product(z.mT, z) / jnp.maximum(counts.sum(dtype=jnp.float32), 1.0)
    one = jnp.eye(x.shape[1], dtype=jnp.float32)
    return jnp.diagonal(solved(related + 1e-6 * one, one))


def _scaled(x: jax.Array, weight: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(mean, gain float32[D], features float32[N, D] so centred and scaled, 0 where the weight is); of a constant, gain 0."""
    n = jnp.maximum(weight.sum(), 1.0)
    mean = (weight[:, None] * x).sum(0) / n
    apart = weight[:, None] * (x - mean)
    variance = (apart**2).sum(0) / n
    gain = jnp.where(variance > 1e-10, 1 / jnp.sqrt(jnp.maximum(variance, 1e-10)), 0.0)
    return mean, gain, apart * gain


def _largest(z: jax.Array, n: jax.Array) -> jax.Array:
    """The largest eigenvalue of A = z.mT @ z / n, float32[], or more, by at most a twelfth with up to 128 features.

    It is at most |A³²|^(1/32) by the Frobenius norm, in which the other eigenvalues hardly count. Power iteration, whose start may
    have nothing of the steepest direction, can end below it, and then descent does not settle.
    """
    power = _product(barrier_p.bind(z.mT), z) / n
    log = jnp.float32(0.0)
    for doubled in range(6):  # A, A², A⁴, …, A³², each divided by its norm
        norm = jnp.maximum(jnp.linalg.norm(power), 1e-12)
        log, power = log + jnp.log(norm) / 2**doubled, power / norm
        power = _product(power, power)
    return 1.001 * jnp.exp(log) + 1e-6  # for rounding


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, precision=HIGHEST)
