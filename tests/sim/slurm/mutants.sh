#!/bin/sh
# usage: mutants.sh PROGRAM: with a step left out, the test named after it must fail; with all of them, none may. The program tells the steps, so that
# none is forgotten here: each has a test, or it is not built.
program=$1
count=1
failed=0
if "$program" all 0 >/dev/null 2>&1; then echo "ok 1 - with every step all pass"; else
    echo "not ok 1 - with every step all pass"
    failed=1
fi
for step in $("$program" steps); do
    if "$program" "$step" "$count" >/dev/null 2>&1; then
        echo "not ok $((count + 1)) - without $step its test passes"
        failed=1
    else
        echo "ok $((count + 1)) - without $step its test fails"
    fi
    count=$((count + 1))
done
[ "$count" -gt 1 ] || failed=1
echo "1..$count"
exit $failed
