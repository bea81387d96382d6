"""Q-learning on CartPole, networks of 64 × 64: in parallel without replay, and DQN with replay of 10,000 transitions."""

from rewardlab.bench import OURS, Row, Who


def rows() -> list[Row]:
    who: Who = {"rejax": ("rejax", {}), OURS: (OURS, {})}

    def row(workload, name, seeds, size, learned):
        return Row(f"{name}, {seeds:,} seeds", workload, {"seeds": seeds} | size, who, "return", (learned, 500.0))

    return [
        row("parallel_q", "parallel Q", 16, {"updates": 200}, 30.0),
        row("parallel_q", "parallel Q", 128, {"updates": 8}, 8.0),
        row("dqn", "DQN", 16, {"steps": 8000}, 30.0),
        row("dqn", "DQN", 128, {"steps": 2000}, 8.0),
    ]
