#!/bin/bash
# usage: together.sh BUILD SOURCE NAME...
# Runs NAME.sh beside each other, since each mostly waits for Slurm, and tells their results one after the other.
build=$1 source=$2
folder=$(cd "$(dirname "$0")" && pwd)
shift 2
work=$(mktemp -d)
running=()
trap 'rm -rf "$work"' EXIT
trap 'kill "${running[@]}" 2>/dev/null; wait; exit 130' INT TERM
for name; do
    "$folder/$name.sh" "$build" "$source" >"$work/$name" 2>&1 &
    running+=($!)
done
count=0 failed=0 skipped=""
for name; do
    wait "${running[0]}"
    status=$?
    running=("${running[@]:1}")
    if grep -q '^1\.\.0 # SKIP' "$work/$name"; then
        skipped=$(cat "$work/$name")
        continue
    fi
    echo "# $name.sh"
    awk -v name="$name" -v n=$count '/^(not )?ok [0-9]+ - / { n++; sub(/ok [0-9]+ - /, "ok " n " - " name ": "); print; next } /^1\.\./ { next } /^Bail out/ { print "# " $0; next }
        { print ($0 ~ /^#/ ? $0 : "# " $0) }' "$work/$name"
    count=$((count + $(grep -cE '^(not )?ok [0-9]+ - ' "$work/$name")))
    count=$((count + 1))
    if [ $status -eq 0 ] && grep -q '^1\.\.' "$work/$name"; then echo "ok $count - $name: it came to its end"; else
        echo "not ok $count - $name: it ended with status $status"
        failed=1
    fi
done
[ $count -gt 0 ] || { echo "$skipped" && exit 0; }
echo "1..$count"
exit $failed
