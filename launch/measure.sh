#!/usr/bin/env bash
# Measures the main job on the device that is here, whatever it is, and compares with what was predicted for it:
#   launch/measure.sh [--out FILE] [--seeds "1024 4096"] [--steps N]
# For each number of seeds a rule: the time of an update of every rule, the same as predicted where the device is a TPU that
# `rewardlab preflight` knows, and a whole run of the main job, cut to --steps steps a seed. Then `rewardlab bench` beside rejax and
# evosax. All of it goes into one JSON file, measured.json unless --out says otherwise. See docs/tpu.md.
set -euo pipefail

refuse() { # message, and what is allowed
  printf 'measure.sh: %s; allowed: %s\n' "$1" "$2" >&2
  exit 2
}

out=measured.json seeds="1024 4096" steps=100000
while [ "$#" -gt 0 ]; do
  case $1 in
    --out | --seeds | --steps)
      [ "$#" -gt 1 ] || refuse "no value after $1" "--out FILE, --seeds \"N ...\", --steps N"
      case $1 in
        --out) out=$2 ;;
        --seeds) seeds=$2 ;;
        --steps) steps=$2 ;;
      esac
      shift 2
      ;;
    *) refuse "unknown option $(printf %q "$1")" "--out FILE, --seeds \"N ...\", --steps N" ;;
  esac
done
[[ $seeds =~ ^[1-9][0-9]*(\ [1-9][0-9]*)*$ ]] || refuse "--seeds $(printf %q "$seeds")" "whole numbers, with spaces between"
[[ $steps =~ ^[1-9][0-9]*$ ]] || refuse "--steps $(printf %q "$steps")" "a whole number"
[ -d "$(dirname "$out")" ] || refuse "--out $(printf %q "$out")" "a file in a directory that exists"
command -v rewardlab >/dev/null || refuse "no rewardlab on the PATH" "an environment in which it is installed"

read -ra counts <<<"$seeds"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python -c 'import jax; print(jax.local_devices()[0].device_kind)' >"$folder/device"
case $(cat "$folder/device") in
  "TPU v4") chip=v4 ;;
  "TPU v5 lite" | "TPU v5e") chip=v5e ;;
  "TPU v5" | "TPU v5p") chip=v5p ;;
  "TPU v6 lite" | "TPU v6e") chip=v6e ;;
  *) chip="" ;;
esac
for n in "${counts[@]}"; do
  rewardlab preflight coinrun --full --here --seeds "$n" --json "$folder/here-$n.json"
  if [ -n "$chip" ]; then # in the same width, or the times of updates are of different batches
    width=$(sed -n 's/.*"width": *\([0-9]*\).*/\1/p' "$folder/here-$n.json" | head -n 1)
    rewardlab preflight coinrun --full --chip "$chip" --seeds "$n" --width "$width" --json "$folder/predicted-$n.json" || true # what won't fit is in it
  fi
  began=$(date +%s)
  rewardlab run coinrun --full --seeds "$n" --total-steps "$steps" --budgets.openai-es.total-steps "$steps" \
    --budgets.truncation.total-steps "$steps" --out "$folder/run-$n"
  echo $(($(date +%s) - began)) >"$folder/seconds-$n"
done
rewardlab bench --suite ppo evolution --out "$folder/bench.json"

python - "$folder" "$out" "$steps" "${counts[@]}" <<'PYTHON'
"""Puts what was measured and predicted side by side."""
import json
import sys
from pathlib import Path

folder, out, steps, *seeds = sys.argv[1:]
read = lambda name: json.loads((Path(folder) / name).read_text()) if (Path(folder) / name).exists() else None
told = {"device": (Path(folder) / "device").read_text().strip(), "steps": int(steps), "bench": read("bench.json"), "seeds": {}}
for n in seeds:
    here, predicted = read(f"here-{n}.json"), read(f"predicted-{n}.json")
    expected = {one["rule"]: one for one in (predicted or {"rules": []})["rules"]}
    rows = {}
    for one in here["rules"]:
        other = expected.get(one["rule"], {})
        row = {"measured": one["update_seconds"], "predicted": other.get("update_seconds") or None}
        row["ratio"] = row["measured"] / row["predicted"] if row["predicted"] else None
        rows[one["rule"]] = row | {"width": here["width"], "steps_per_second": one["steps_per_second"]}
    told["seeds"][n] = {"updates": rows, "run_seconds": int((Path(folder) / f"seconds-{n}").read_text())}
Path(out).write_text(json.dumps(told, indent=1) + "\n")
for n, found in told["seeds"].items():
    print(f"{n} seeds a rule on {told['device']}: the run took {found['run_seconds']} s")
    for rule, row in found["updates"].items():
        ratio = f"{row['ratio']:.2f} of what was predicted" if row["ratio"] else "nothing predicted"
        print(f"  {rule}: {row['measured'] * 1e3:.2f} ms an update, {row['steps_per_second']:,.0f} steps a second, {ratio}")
print(f"written: {out}")
PYTHON
