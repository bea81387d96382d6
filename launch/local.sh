#!/usr/bin/env bash
# Runs an experiment on this machine: launch/local.sh [-n PROCESSES] [--dry-run] NAME [--seeds 64 ...]
# Several processes share the run's directory and the cores. Ctrl-C and SIGTERM are passed on; the same line resumes.
# Installs into .venv beside this folder, made where there is none, or into the virtual environment that is active, one of
# conda's included; never into conda's base. With --dry-run the commands are shown, and none is executed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

processes=1 dry=""
while [[ ${1:-} == -* ]]; do
  case $1 in
    -n)
      processes=${2:-}
      if ! [[ $processes =~ ^[1-9][0-9]{0,2}$ ]]; then
        printf 'local.sh: -n %q; allowed: a whole number of processes from 1 to 999\n' "$processes" >&2
        exit 2
      fi
      shift 2
      ;;
    --dry-run)
      dry=yes
      shift
      ;;
    *)
      printf 'local.sh: unknown option %q; allowed before the experiment: -n PROCESSES, --dry-run\n' "$1" >&2
      exit 2
      ;;
  esac
done
if [ "$#" -eq 0 ]; then
  echo "local.sh: an experiment is missing; allowed: launch/local.sh [-n PROCESSES] [--dry-run] NAME [ARGUMENT ...]" >&2
  exit 2
fi
for word in "$@"; do
  if [ "$word" = --dry-run ]; then
    echo "local.sh: --dry-run stands after the experiment; allowed: before it" >&2
    exit 2
  fi
done

do_or_show() { # a command, or with --dry-run its text
  if [ -n "$dry" ]; then
    printf '%q ' "$@" | sed 's/ $//'
    echo
  else
    "$@"
  fi
}

environment=${VIRTUAL_ENV:-}
if [ -z "$environment" ] && [ "${CONDA_DEFAULT_ENV:-base}" != base ] && [ ! -d "${CONDA_PREFIX:-}/condabin" ]; then
  environment=${CONDA_PREFIX:-}
fi
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
    do_or_show "$python" -m venv "$environment"
  fi
fi
do_or_show "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -c "$root/constraints.txt" "$root"

cores=() # the numbers of those that this script may use
if [ "$processes" -gt 1 ] && command -v taskset >/dev/null; then
  IFS=, read -r -a ranges <<<"$(taskset -cp $$ | sed 's/.*: //')"
  for range in "${ranges[@]}"; do
    for ((core = ${range%-*}; core <= ${range#*-}; core++)); do cores+=("$core"); done
  done
fi

# One process, run again after exit code 75 (interrupted, can go on) unless a signal asked it to stop.
keep_running() {
  local asked="" code=75
  trap 'asked=yes' TERM INT # the shell waits for the command first, which got the same signal
  while [ "$code" -eq 75 ] && [ -z "$asked" ]; do
    code=0
    "$@" || code=$?
    if [ "$code" -eq 75 ] && [ -z "$asked" ]; then sleep 1 || true; fi
  done
  exit "$code"
}

groups=() asked="" woken=""
pass_on() {
  asked=$1 woken=yes
  for group in ${groups[@]+"${groups[@]}"}; do kill -s "$1" -- "-$group" 2>/dev/null || true; done
}
trap 'pass_on TERM' TERM
trap 'pass_on INT' INT

set -m # each process gets a group of its own, so that a Ctrl-C reaches it once: from here
for ((i = 0; i < processes && ${#asked} == 0; i++)); do
  words=("$environment/bin/rewardlab" run "$@")
  [ "$processes" -eq 1 ] || words+=(--process "$i" --processes "$processes")
  if [ "${#cores[@]}" -gt 0 ]; then
    first=$((i * ${#cores[@]} / processes))
    count=$(((i + 1) * ${#cores[@]} / processes - first))
    share=$(IFS=,; echo "${cores[*]:first:count > 0 ? count : 1}")
    words=(taskset -c "$share" "${words[@]}")
  fi
  if [ -n "$dry" ]; then
    do_or_show "${words[@]}"
    continue
  fi
  keep_running "${words[@]}" &
  groups+=("$!")
done
set +m
[ -z "$asked" ] || pass_on "$asked" # one may have started in between

# The worst: a failure before 75, 75 before 0.
rank() { echo $(($1 == 75 ? 1 : $1 == 0 ? 0 : $1 + 1)); }
worst=0
for group in ${groups[@]+"${groups[@]}"}; do
  woken=yes
  while [ -n "$woken" ]; do # a signal ends `wait` early
    woken="" code=0
    wait "$group" || code=$?
  done
  [ "$(rank "$code")" -le "$(rank "$worst")" ] || worst=$code
done
exit "$worst"
