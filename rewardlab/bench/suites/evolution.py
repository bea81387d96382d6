"""Evolution on CartPole: 500 steps of each member a generation, networks of 32 × 32; every step of the schedule counts.

RewardLab's rules count the steps that their members lived. Here rates are of nominal steps, of the same generations.
"""

from rewardlab.bench import OURS, Row, Who

SIZES = {(1, 256): 16, (1, 1024): 8, (1, 4096): 4, (16, 256): 4}  # (runs, population): generations


def rows() -> list[Row]:
    def row(workload, name, seeds, population, generations):
        sizes = {"seeds": seeds, "population": population, "generations": generations}
        runs = f"{seeds} runs of {population:,}" if seeds > 1 else f"population {population:,}"
        who: Who = {"evosax": ("evosax", {}), OURS: (OURS, {})}
        return Row(f"{name}, {runs}", workload, sizes, who, "fitness", (15.0, 500.0))

    names = {"openai_es": "OpenAI-ES", "truncation": "truncation selection"}
    return [row(*name, *size, generations) for name in names.items() for size, generations in SIZES.items()]
