#!/bin/sh
# usage: mutants.sh PROGRAM STEP...: with a step left out, the test named after it must fail; with all of them, none may.
program=$1
shift
count=1
failed=0
if "$program" all 0 >/dev/null 2>&1; then echo "ok 1 - with every step all pass"; else
    echo "not ok 1 - with every step all pass"
    failed=1
fi
for step in "$@"; do
    if "$program" "$step" "$count" >/dev/null 2>&1; then
        echo "not ok $((count + 1)) - without $step its test passes"
        failed=1
    else
        echo "ok $((count + 1)) - without $step its test fails"
    fi
    count=$((count + 1))
done
echo "1..$count"
exit $failed
