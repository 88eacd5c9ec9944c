# shellcheck shell=bash
# What the scripts share: sourced, never run. Sets `root` and `tools`, and defines log, error and fatal.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=${WARMPATH_TOOLS_DIR:-$root/.build-tools}
python=$tools/venv/bin/python
export root tools python

script=$(basename "$0")
log() { printf '%s: %s\n' "$script" "$*"; }
error() { printf '%s: error: %s\n' "$script" "$*" >&2; }
fatal() {
  error "$@"
  exit 1
}

# The comment at the head of a script is its help.
print_help() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }
