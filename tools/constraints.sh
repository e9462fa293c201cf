#!/usr/bin/env bash
# Writes constraints.txt: one version of every package that any extra needs, for the oldest supported Python.
# uv resolves from metadata alone, so the heavy extras are pinned without being downloaded.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m pip install --quiet --disable-pip-version-check uv
{
  echo '# One version of every package, base and extras; written by `make constraints`.'
  # the uv config of the user must not choose versions
  UV_NO_CONFIG=1 .venv/bin/uv pip compile pyproject.toml --all-extras --python-version 3.11 \
    --python-platform x86_64-manylinux_2_28 --no-annotate --no-header --no-emit-index-url --quiet --upgrade
} >constraints.txt.new
mv constraints.txt.new constraints.txt
