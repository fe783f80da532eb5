# shellcheck shell=bash
# Sourced by everything in scripts/ that a person types. Brings node_modules to the state of the lock
# file with whatever Node.js (18 or newer) and npm the machine has, then runs the programs of this
# repository with the Node.js of the lock file.
#
# Sets: root, the repository's folder. Defines: run_with_node FILE ARGS…

root=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
stamp=$root/node_modules/.lock-installed

# Runs a program of this repository in place of this shell.
run_with_node() {
  install_node_modules
  export PATH="$root/node_modules/.bin:$PATH"
  # Types are stripped and sources compiled once: the next start takes half the time.
  export NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$root/out/cache/node}
  exec "$root/node_modules/.bin/node" "$@"
}

# Installs what package-lock.json names, unless the last installation was of the same lock file. Two
# scripts started at once wait for each other.
install_node_modules() {
  if node_modules_are_current; then return; fi
  (
    flock 9
    if node_modules_are_current; then return; fi
    require_npm
    confirm_download
    run_npm_ci
    lock_digest >"$stamp"
  ) 9<"$root/package-lock.json"
}

# npm ci empties node_modules first, so a stamp in there speaks of a completed installation.
node_modules_are_current() {
  [[ -x $root/node_modules/.bin/node && -r $stamp && $(<"$stamp") == "$(lock_digest)" ]]
}

lock_digest() {
  cat -- "$root"/{package-lock.json,.npmrc} <(uname -m) | sha256sum
}

require_npm() {
  local major
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    give_up "Node.js and npm are missing: install them with 'apt-get install nodejs npm' (as root), then try again."
  fi
  major=$(node -p 'process.versions.node.split(".")[0]')
  if ((major < 18)); then
    give_up "Node.js $(node --version) is too old to install packages: version 18 or newer is needed."
  fi
}

# A person at a terminal is asked before anything is downloaded; the variable is set by -y.
confirm_download() {
  local answer
  echo 'The npm packages of package-lock.json are needed: 150 MB to download, 400 MB in node_modules.'
  if [[ ${assume_yes:-no} == yes || ! -t 0 || ! -t 1 ]]; then return; fi
  read -r -p 'Install them? [Y/n] ' answer
  case $answer in
    '' | [Yy]*) ;;
    *) give_up 'Nothing was installed.' ;;
  esac
}

run_npm_ci() {
  local log=$root/out/logs/npm-ci.log before=$SECONDS
  mkdir -p -- "${log%/*}"
  # A setting of the machine may leave out what is developed with, or the platform's own Node.js.
  if ! npm --prefix "$root" ci --include=dev --include=optional --no-audit --no-fund </dev/null >"$log" 2>&1; then
    printf '✗ Install npm packages\n'
    tail -n 15 -- "$log" | sed 's/^/    /'
    give_up "What to do: check that the npm registry can be reached ('npm ping'), then try again. Log: $log"
  fi
  link_node
  if ! "$root/node_modules/.bin/node" --version >/dev/null; then
    give_up 'The Node.js of the lock file does not run here: it is for Linux on x86-64 or arm64 with glibc.'
  fi
  printf '✓ %-36s %6s.0 s\n' 'Install npm packages' "$((SECONDS - before))"
}

# npm 9 takes the link of the command away again, together with the package for the other processor.
link_node() {
  local installed=("$root"/node_modules/node-linux-*/bin/node) link=$root/node_modules/.bin/node
  if [[ ! -e $link && -x ${installed[0]} ]]; then
    mkdir -p -- "${link%/*}"
    ln -sf "../${installed[0]#"$root/node_modules/"}" "$link"
  fi
}

give_up() {
  printf '%s\n' "$1" >&2
  exit 1
}
