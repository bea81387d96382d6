"""Does selection want the coin once it had ten times the experience, so that its control succeeds as well?

    rewardlab run coinrun_full

As `coinrun`, with 10M steps a seed for the rules that select and the same for all others.
"""

from dataclasses import replace

from rewardlab.config import load

experiment = replace(load("coinrun"), name="coinrun_full", steps=10_000_000, points=10)
