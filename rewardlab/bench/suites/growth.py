"""How RewardLab grows: PPO from 1 seed to 4,096, OpenAI-ES from 64 candidates to 16,384, and from one core to all.

The last rows tell which `width`, seeds of a batch, suits a device."""

from rewardlab.backend import devices
from rewardlab.bench import OURS, Row, Who

SEEDS = {1: 64, 8: 32, 64: 8, 512: 8, 4096: 8}  # updates: as many where costs are compared
POPULATIONS = {64: 16, 256: 8, 1024: 4, 4096: 2, 16384: 1}  # generations
WIDTHS = (1, 8, 64)  # seeds of a batch
ANY = (1.0, 500.0)  # too short to learn much


def rows() -> list[Row]:
    who: Who = {OURS: (OURS, {})}
    cores = devices.cores()

    def seeds(number, updates, limit=0):
        name = f"{number:,} seeds" + (f", {limit} of {cores} cores" if limit else "")
        return Row(name, "ppo", {"seeds": number, "updates": updates}, who, "return", ANY, limit)

    def population(number, generations):
        sizes = {"seeds": 1, "population": number, "generations": generations}
        return Row(f"population {number:,}", "openai_es", sizes, who, "fitness", ANY)

    def width(size):
        arguments = {"seeds": 256, "updates": 4, "width": size}
        return Row(f"256 seeds, {size} at a time", "ppo", arguments, who, "return", ANY)

    doubled = [2**i for i in range(cores.bit_length()) if 2**i < cores]
    return [
        *(seeds(*size) for size in SEEDS.items()),
        *(population(*size) for size in POPULATIONS.items()),
        *(seeds(64, SEEDS[64], limit) for limit in [*doubled, cores]),
        *map(width, WIDTHS),
    ]
