#!/bin/sh
# Waits for the end of the supervisor and has another started, as the supervisor does for this: whichever is killed, the
# other brings it back. A shell, for it takes a megabyte.
#   guard.sh guard --data-dir DIR NODE ENTRY
dir=$3 node=$4 entry=$5
while :; do
  pid=$(sed -n 's/^{"supervisor":{"pid":\([0-9]*\).*/\1/p' "$dir/run/supervisor.json" 2>/dev/null)
  if [ -n "$pid" ]; then tail --pid="$pid" -s 0.3 -f /dev/null; fi
  "$node" --disable-warning=ExperimentalWarning "$entry" revive --data-dir "$dir"
  sleep 1
done
