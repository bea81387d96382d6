"""PPO on CartPole: 4 lanes × 128 steps, 4 epochs × 4 minibatches, two separate tanh networks of 64 × 64."""

from rewardlab.bench import OURS, Row

SIZES = {1: 200, 16: 40, 128: 8, 1024: 2}  # seeds: updates


def rows() -> list[Row]:
    def row(seeds, updates):
        scheduled = {"rejax, in batches of 8": ("rejax", {"width": 8})} if seeds > 8 else {}
        who = {"rejax": ("rejax", {}), **scheduled, OURS: (OURS, {})}
        # A policy that was never trained holds the pole up for 10 to 40 steps.
        learned = {1: 150.0, 16: 100.0, 128: 40.0, 1024: 15.0}[seeds]
        return Row(f"{seeds:,} seeds", "ppo", {"seeds": seeds, "updates": updates}, who, "return", (learned, 500.0))

    return [row(*size) for size in SIZES.items()]
