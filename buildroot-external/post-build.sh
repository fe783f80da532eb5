#!/usr/bin/env bash
# `post-build.sh TARGET_DIR BOARD`: makes of what the packages have installed the root of a board.
set -euo pipefail
exec "$(dirname -- "${BASH_SOURCE[0]}")/run.sh" post-build.ts "$@"
