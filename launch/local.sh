#!/usr/bin/env bash
# Runs an experiment on this machine: launch/local.sh coinrun --seeds 64
# Uses the active virtual environment, or else .venv beside this folder, made where there is none.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

environment=${VIRTUAL_ENV:-${CONDA_PREFIX:-}}
if [ -z "$environment" ]; then
  environment=$root/.venv
  if [ ! -x "$environment/bin/python" ]; then
    python=""
    for candidate in python3.11 python3.12 python3.13 python3; do
      if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
        python=$candidate
        break
      fi
    done
    [ -n "$python" ] || { echo "no Python 3.11 to 3.13 found" >&2; exit 1; }
    "$python" -m venv "$environment"
  fi
fi
"$environment/bin/python" -m pip install --quiet --disable-pip-version-check -c "$root/constraints.txt" "$root"
exec "$environment/bin/rewardlab" run "$@"
