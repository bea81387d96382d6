"""Run directories, which lose nothing: parts, checkpoints, leases, identities, and what a finished run holds."""
