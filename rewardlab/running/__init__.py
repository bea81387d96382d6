"""From an experiment to its results: the plan, batches of seeds on all devices, what follows training."""
