#!/usr/bin/env bash
# Runs an experiment on a Cloud TPU, to its end, through preemptions; then copies the run here and deletes the TPU:
#   launch/tpu.sh --project P --zone us-central2-b --type v4-8 --bucket B --name my-run coinrun --seeds 256
# The run's directory is gs://B/my-run. Typed again, the same line goes on from there. See docs/launching.md.
# The files that git tracks travel to the TPU, as they are here; nothing else does.
set -euo pipefail
if [ "${BASH_VERSINFO[0]}" -lt 4 ]; then
  echo "tpu.sh: this bash is too old; allowed: version 4 or newer" >&2
  exit 2
fi
export LC_ALL=C CLOUDSDK_CORE_DISABLE_PROMPTS=1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

USAGE='launch/tpu.sh --project PROJECT --zone ZONE --type TYPE --bucket BUCKET --name NAME [--runtime VERSION]
    [--out DIR] [--on-demand] [--keep] [--no-preflight] [--dry-run] EXPERIMENT [ARGUMENT ...]

  --name       of the TPU and of the run: its directory is gs://BUCKET/NAME
  --runtime    software version of the TPU VM (default: the one for its type)
  --out        where the run is copied to in the end (default: runs/NAME)
  --on-demand  no spot TPU: dearer, not preempted
  --keep       the TPU is not deleted, and costs on
  --no-preflight  not tried first whether the experiment compiles for this TPU and fits, which rewardlab preflight says here
  --dry-run    the cloud commands are shown; none is executed'

refuse() { # message, and the value that it is about
  printf 'tpu.sh: %s %q; allowed: %s\n' "$1" "$2" "$3" >&2
  exit 2
}

declare -A given=([project]="" [zone]="" [type]="" [bucket]="" [name]="" [runtime]="" [out]="" [on-demand]="" [keep]="" [no-preflight]="" [dry-run]="")
while [[ ${1:-} == -* ]]; do
  option=${1#--}
  case $1 in
    --help | -h)
      echo "$USAGE"
      exit 0
      ;;
    --on-demand | --keep | --no-preflight | --dry-run)
      given[$option]=yes
      shift
      ;;
    --project | --zone | --type | --bucket | --name | --runtime | --out)
      [ "$#" -gt 1 ] || refuse "no value after" "$1" "see tpu.sh --help"
      given[$option]=$2
      shift 2
      ;;
    *) refuse "unknown option" "$1" "see tpu.sh --help" ;;
  esac
done
if [ "$#" -eq 0 ]; then
  echo "tpu.sh: an experiment is missing; see tpu.sh --help" >&2
  exit 2
fi

# Every value that goes to the cloud has the form that the cloud gives it: none can be an option or a command.
check() { # name, pattern, the pattern in words
  [[ ${given[$1]} =~ ^($2)$ ]] || refuse "--$1" "${given[$1]}" "$3"
}
check project '([a-z0-9][-a-z0-9.]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]' "a project's id: 6 to 30 small letters, digits and -"
check zone '[a-z]+-[a-z]+[0-9]+-[a-z]' "a zone, such as us-central2-b"
check type 'v[0-9]+[a-z]*-[0-9]+' "an accelerator type, such as v4-8 or v5litepod-8"
check name '[a-z]([-a-z0-9]{0,48}[a-z0-9])?' "1 to 50 small letters, digits and -, the first a letter"
given[bucket]=${given[bucket]#gs://}
check bucket '[a-z0-9][-_.a-z0-9]{1,61}[a-z0-9]' "a bucket's name"
if [ -z "${given[runtime]}" ]; then
  case ${given[type]} in
    v5litepod-*) given[runtime]=v2-alpha-tpuv5-lite ;;
    v5p-*) given[runtime]=v2-alpha-tpuv5 ;;
    v6e-*) given[runtime]=v2-alpha-tpuv6e ;;
    *) given[runtime]=tpu-ubuntu2204-base ;;
  esac
fi
check runtime '[a-z0-9][-a-z0-9.]*' "a runtime version, such as tpu-ubuntu2204-base"
for word in "$@"; do
  case $word in
    --out | --out=* | --distributed | --process | --process=* | --processes | --processes=*)
      refuse "after the experiment," "$word" "its fields and --smoke; --out goes before it, the rest is this script's"
      ;;
  esac
done

# Names of the files that travel, each with a NUL behind it. What git tracks and was removed here is left out.
tracked() {
  local file
  git -C "$root" ls-files -z | while IFS= read -r -d '' file; do
    if [ -e "$root/$file" ] || [ -L "$root/$file" ]; then printf '%s\0' "$file"; fi
  done
}
if ! problem=$(git -C "$root" ls-files --error-unmatch pyproject.toml constraints.txt 2>&1 >/dev/null); then
  refuse "what git tracks is what travels, and it does not track" "$root (${problem%%$'\n'*})" "a git clone"
fi
case $1 in
  /*.py) refuse "EXPERIMENT" "$1" "the path of a file within the clone, from there" ;;
  *.py)
    git -C "$root" --literal-pathspecs ls-files --error-unmatch -- "$1" >/dev/null 2>&1 ||
      refuse "EXPERIMENT" "$1" "a file that git tracks in the clone, as no other travels; git add makes it one"
    ;;
esac
name=${given[name]} dry=${given[dry-run]} out=${given[out]:-runs/${given[name]}}
case $out in -*) out=./$out ;; esac
place=(--project="${given[project]}" --zone="${given[zone]}")

cloud() { # a command, or with --dry-run its text
  if [ -n "$dry" ]; then
    printf '%q ' "$@" | sed 's/ $//'
    echo
  else
    "$@"
  fi
}

state() { # of the queued resource: ACTIVE, WAITING_FOR_RESOURCES, SUSPENDED, ..., or GONE
  local answer attempt
  for attempt in 1 2 3 4 5; do
    if answer=$(gcloud compute tpus queued-resources describe "$name" "${place[@]}" --format='value(state.state)' 2>&1); then
      echo "${answer##*$'\n'}"
      return
    elif [[ $answer == *NOT_FOUND* ]]; then
      echo GONE
      return
    fi
    [ "$attempt" -eq 5 ] || sleep 20
  done
  printf 'tpu.sh: no answer about %s: %s\n' "$name" "$answer" >&2
  return 1
}

create() {
  local spot=(--spot)
  [ -z "${given[on-demand]}" ] || spot=()
  cloud gcloud compute tpus queued-resources create "$name" "${place[@]}" --node-id="$name" \
    --accelerator-type="${given[type]}" --runtime-version="${given[runtime]}" ${spot[@]+"${spot[@]}"}
}

delete() { cloud gcloud compute tpus queued-resources delete "$name" "${place[@]}" --force --quiet; }

until_active() { # creates the TPU where there is none, or none any more
  local now before=""
  if [ -n "$dry" ]; then
    create
    cloud gcloud compute tpus queued-resources describe "$name" "${place[@]}" --format='value(state.state)'
    return
  fi
  while :; do
    now=$(state)
    [ "$now" = "$before" ] || echo "tpu.sh: $name is $now" >&2
    case $now in
      ACTIVE) return ;;
      GONE)
        create
        installed=""
        ;;
      SUSPENDED | FAILED) delete ;;
      *) sleep 30 ;;
    esac
    before=$now
  done
}

on_all() { cloud gcloud compute tpus tpu-vm ssh "$name" "${place[@]}" --worker=all --command="$1"; }

# What the workers do. The user's words are in it by %q alone; the other values have been checked.
# shellcheck disable=SC2016 # it expands on the workers
INSTALL='set -e
mkdir -p ~/rewardlab ~/runs
tar -xzf ~/rewardlab.tar.gz -C ~/rewardlab
if ! command -v gcsfuse >/dev/null; then
  curl -fsSLo /tmp/gcsfuse.deb https://github.com/GoogleCloudPlatform/gcsfuse/releases/download/v2.5.1/gcsfuse_2.5.1_amd64.deb
  sudo apt-get update -qq
  sudo apt-get install -y -qq /tmp/gcsfuse.deb
fi
python3 -m pip install --quiet --user uv
[ -x ~/venv/bin/python ] || python3 -m uv venv --quiet --seed --python 3.11 ~/venv
cd ~/rewardlab
~/venv/bin/pip install --quiet -c constraints.txt ".[tpu]"'
# One whose connection was lost may still be at work, and is waited for. A failure is 3, as 1 is what gcloud says of its own.
RUN="cd ~/rewardlab && { mountpoint -q ~/runs || gcsfuse --implicit-dirs ${given[bucket]} ~/runs; } && flock ~/rewardlab.lock \
  ~/venv/bin/rewardlab run$(printf ' %q' "$@") --out ~/runs/$name --distributed; code=\$?; exit \$((code == 1 ? 3 : code))"

attempt() { # returns the exit code of the run, or of what failed before it
  if [ -z "$installed" ]; then
    cloud gcloud compute tpus tpu-vm scp "$archive" "$name:rewardlab.tar.gz" "${place[@]}" --worker=all || return
    on_all "$INSTALL" || return
    installed=yes
  fi
  on_all "$RUN"
}

finish() {
  local code=$?
  trap '' INT TERM
  rm -rf "$work"
  if [ -n "${given[keep]}" ]; then
    echo "tpu.sh: $name is kept; it costs until you delete it" >&2
  elif ! delete; then
    echo "tpu.sh: $name is perhaps not deleted, and may cost on; look at: gcloud compute tpus queued-resources list" >&2
  fi
  exit "$code"
}

# What does not compile for this TPU, or does not fit, is refused before anything is paid for. The compiler is that of this machine.
if [ -z "${given[no-preflight]}" ]; then
  words=(rewardlab preflight --type "${given[type]}")
  for word in "$@"; do [ "$word" = --resume-anyway ] || words+=("$word"); done
  if [ -n "$dry" ]; then
    cloud "${words[@]}"
  elif ! command -v rewardlab >/dev/null; then
    refuse "preflight needs, on the PATH," rewardlab 'pip install ".[preflight]" in an environment that is active, or --no-preflight'
  else
    code=0
    "${words[@]}" >&2 || code=$?
    [ "$code" -ne 1 ] || echo "tpu.sh: it would not run on ${given[type]}; nothing was created (--no-preflight tries it all the same)" >&2
    [ "$code" -eq 0 ] || exit "$((code == 1 ? 2 : code))"
  fi
fi

work=$(mktemp -d) installed="" lost=0
archive=$work/rewardlab.tar.gz
if [ -n "$dry" ]; then
  archive=rewardlab.tar.gz
else
  tracked | tar -czf "$archive" -C "$root" --no-recursion --null -T -
fi
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

while :; do
  until_active
  code=0
  attempt || code=$?
  [ "$code" -ne 0 ] || break
  [ "$code" -ne 2 ] || exit 2 # bad input stays bad
  if [ "$code" -eq 75 ]; then # interrupted, can go on
    lost=0
    continue
  fi
  sleep 60 # a preemption takes a moment to show
  now=$(state)
  [ "$now" = ACTIVE ] || continue
  # 1: gcloud found no way to it. 255: the connection was lost. Else above 128: aborted, as are all when one worker ends.
  lost=$((lost + 1))
  if { [ "$code" -ne 1 ] && [ "$code" -le 128 ]; } || [ "$lost" -gt 5 ]; then
    printf 'tpu.sh: exit code %s; the run so far is in gs://%s/%s\n' "$code" "${given[bucket]}" "$name" >&2
    exit "$code"
  fi
done

[ -n "$dry" ] || mkdir -p "$out"
cloud gcloud storage rsync --recursive "gs://${given[bucket]}/$name" "$out"
