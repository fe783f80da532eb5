#!/usr/bin/env bash
# `post-image.sh BINARIES_DIR BOARD`: makes the disk image of what Buildroot has built.
set -euo pipefail
exec "$(dirname -- "${BASH_SOURCE[0]}")/run.sh" post-image.ts "$@"
