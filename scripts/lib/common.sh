# shellcheck shell=bash
# What the scripts share: sourced, never run. Sets `root`, `tools` and `python`, and defines log, error, fatal and print_help.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Without links: checkouts that share one folder by a link agree on where it is, and scripts/setup does not make it anew
# for each of them.
tools=$(realpath -m "${WARMPATH_TOOLS_DIR:-$root/.build-tools}")
python=$tools/venv/bin/python
export root tools python

# As it is called: below scripts/.
script=$(realpath --relative-to="$root/scripts" "$0")
log() { printf '%s: %s\n' "$script" "$*"; }
error() { printf '%s: error: %s\n' "$script" "$*" >&2; }
fatal() {
  error "$@"
  exit 1
}

# The comment at the head of a script is its help.
print_help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }
