#!/bin/sh
# Runs the supervisor and outlives it by a moment, so that nothing it launched stays behind, however it ended.
#   guard.sh LOCK CLEANUP NODE ARGUMENT...
# This shell is a child subreaper (PR_SET_CHILD_SUBREAPER, set before it was executed; the attribute survives exec):
# descendants that lose their parent become its children. The program CLEANUP kills whatever is left of them.
# The lock on LOCK is held as long as this shell or the supervisor lives. Should this shell be killed, the supervisor
# gets SIGTERM, takes its place as subreaper (see guard.ts) and ends in good order.
set -u
lock=$1 cleanup=$2
shift 2
exec 9>"$lock"
if ! flock -n 9; then
  echo "viscript: a supervisor already runs on ${lock%/*}; talk to it with 'viscript', or choose another --runtime-dir" >&2
  exit 1
fi
trap 'kill -TERM "$supervisor"' TERM HUP INT
exec 3<&0
setpriv --pdeathsig TERM -- "$@" <&3 3<&- &
supervisor=$!
while :; do
  wait "$supervisor"
  status=$?
  kill -0 "$supervisor" 2>/dev/null || break
done
exec 3<&- 9>&-
children=
read -r children <"/proc/$$/task/$$/children"
if [ -n "$children" ]; then "$1" "$cleanup" "$$"; fi
exit "$status"
