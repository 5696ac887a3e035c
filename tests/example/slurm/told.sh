#!/bin/sh
# usage: told.sh BUILD SOURCE
# Runs the example with two real Slurm clusters, and makes each of its checks a test.
set -u
build=$1 source=$2
out=$(mktemp)
trap 'rm -f "$out"' EXIT
DURE_BIN=$build "$source/examples/slurm/run" >"$out" 2>&1
status=$?
if [ $status -eq 77 ]; then
    echo "1..0 # SKIP $(head -1 "$out")"
    exit 0
fi
awk -v status=$status '
/^   ✓ / { print "ok " ++n " - " substr($0, 8); next }
/^   ✗ / { print "not ok " ++n " - " substr($0, 8); next }
{ print "# " $0 }
END { print (status == 0 && n >= 20 ? "ok " : "not ok ") ++n " - it ended well (status " status ")"; print "1.." n }' "$out"
