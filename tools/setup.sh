#!/usr/bin/env bash
# Makes .venv with rtlgen and its development tools, and installs the Debian packages that rtlgen uses.
# Runs again in a second when nothing changed. Variables: PYTHON (interpreter), RTLGEN_NO_APT=1 (leave Debian alone).
set -euo pipefail
cd "$(dirname "$0")/.."

# what it gives : Debian package (qflow-tech-osu035 gives a file, a real cell library for the tests)
PACKAGES=(
  iverilog:iverilog
  sta:opensta
  bwrap:bubblewrap
  g++:g++
  make:make
  autoconf:autoconf
  bison:bison
  flex:flex
  gperf:gperf
  Pod/Usage.pm:perl
  dot:graphviz
  /usr/share/qflow/tech/osu035/osu035_stdcells.lib:qflow-tech-osu035
)

say() { printf 'setup: %s\n' "$*" >&2; }

missing_packages() {
  local entry
  for entry in "${PACKAGES[@]}"; do
    local what="${entry%%:*}" package="${entry##*:}"
    case "$what" in
      /*) [[ -e $what ]] || echo "$package" ;;
      # Debian's minimal perl lacks modules that Verilator's start script reads
      *.pm) perl -e "require '$what'" 2>/dev/null || echo "$package" ;;
      *) command -v "$what" >/dev/null || echo "$package" ;;
    esac
  done
}

as_root() {
  if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
  [[ -z ${RTLGEN_NO_APT:-} ]] && command -v apt-get >/dev/null && { [[ $(id -u) -eq 0 ]] || sudo -n true 2>/dev/null; }
}

update_lists() {
  [[ -n ${lists_updated:-} ]] && return
  lists_updated=1
  as_root apt-get -o DPkg::Lock::Timeout=300 -qq update >&2 || say "apt-get update failed, trying with the lists that are there"
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends "$@" >&2
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages)
  [[ ${#missing[@]} -eq 0 ]] && return
  if may_install; then
    say "installing Debian packages: ${missing[*]}"
    update_lists
    # one by one where together fails: a package that this release lacks must not keep the others away
    apt_install "${missing[@]}" || for package in "${missing[@]}"; do apt_install "$package" || true; done
    mapfile -t missing < <(missing_packages)
    [[ ${#missing[@]} -eq 0 ]] && return
  fi
  say "missing Debian packages: ${missing[*]}"
  say "install them with:  sudo apt-get install -y ${missing[*]}"
  say "going on without; 'rtlgen doctor' says what each one is for"
}

# Print the first Python that is new enough, nothing where there is none.
find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

has_venv() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }

# Make .venv; Debian and Ubuntu ship Python, and its modules venv and ensurepip, in packages of their own.
make_venv() {
  [[ -x .venv/bin/python ]] && .venv/bin/python -c 'import pip' 2>/dev/null && return
  local python
  python="$(find_python)"
  if { [[ -z $python ]] || ! has_venv "$python"; } && may_install; then
    say "installing Debian packages: python3 python3-venv"
    update_lists
    apt_install python3 python3-venv || true
    python="$(find_python)"
  fi
  if [[ -z $python ]]; then
    say "expected Python 3.11 or newer, found: $(python3 --version 2>&1 || true)"
    say "install it with:  sudo apt-get install -y python3 python3-venv    or set PYTHON=/path/to/python"
    exit 1
  fi
  if ! has_venv "$python"; then
    say "$python lacks the modules venv and ensurepip, which Debian and Ubuntu ship in a package of their own"
    say "install them with:  sudo apt-get install -y python3-venv"
    exit 1
  fi
  "$python" -m venv --clear .venv
}

# Type checkers and editors find the installed names by these links; git ignores them.
make_links() {
  local name
  for name in graphs rag synth benchmarks training; do
    ln -sfn "../$name" "rtlgen/$name"
  done
}

install_python() {
  local stamp=.venv/.rtlgen-setup now
  now="$(cat pyproject.toml setup.py constraints.txt "$0" | sha256sum) $(find graphs rag synth benchmarks training -name __init__.py -not -path '*/__pycache__/*' | LC_ALL=C sort | sha256sum) $PWD"
  [[ -f $stamp && "$(cat "$stamp")" == "$now" ]] && return
  say "installing Python packages into .venv"
  # no build isolation: the build then uses the pinned setuptools too, and downloads nothing twice
  .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt setuptools wheel
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[bench,dev,ray]'
  printf '%s' "$now" >"$stamp"
}

install_packages
make_venv
make_links
install_python
