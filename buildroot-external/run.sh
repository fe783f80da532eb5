#!/usr/bin/env bash
# `run.sh FILE ARGS…`: runs a program of image/buildroot/ with the Node.js of the repository.
set -euo pipefail
root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
if [[ ! -x $root/node_modules/.bin/node ]]; then
	echo "Run 'npm ci && npm run build' in $root first." >&2
	exit 1
fi
exec "$root/node_modules/.bin/node" "$root/image/buildroot/$1" "${@:2}"
