"""Stepping worlds at random: CartPole and Breakout beside gymnax, then RewardLab's own worlds, which have no peer."""

from rewardlab.bench import OURS, Row, Who

LANES = {64: 4096, 1024: 512, 8192: 128}  # steps
SEEN = {"CartPole-v1": (21.5, 24.5), "Breakout-MinAtar": (9.5, 11.0)}  # lengths of an episode played at random
OWN = {"corner": (100, 128), "coinrun": (45, 57), "keys": (100, 130), "bandit": (99, 103), "tricks": (1, 1)}


def rows() -> list[Row]:
    def row(world, lanes, steps, who, allowed):
        arguments = {"world": world, "lanes": lanes, "steps": steps}
        return Row(f"{world}, {lanes:,} lanes", "stepping", arguments, who, "steps an episode", allowed)

    alone: Who = {OURS: (OURS, {})}
    both: Who = {"gymnax": ("gymnax", {}), **alone}
    beside = [row(world, *size, both, allowed) for world, allowed in SEEN.items() for size in LANES.items()]
    return beside + [row(world, 1024, 512, alone, allowed) for world, allowed in OWN.items()]
