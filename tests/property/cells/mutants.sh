#!/bin/sh
# Runs the property test with each mutant: it must find every one of them, and nothing in the room as it is.
program=$1
number=0
failed=0
for name in 'no mutant' 'split the highest level' 'per-level-only check' 'level-m-only relaxed split' 'no merge' 'lost leaves forgotten' \
    'future rights ignored until they start'; do
    output=$("$program" "$number" 2>&1)
    status=$?
    found=$(printf '%s\n' "$output" | grep -c '^not ok')
    number=$((number + 1))
    if [ "$name" = 'no mutant' ] && [ "$status" -eq 0 ]; then
        echo "ok $number - without a mutant the test passes"
    elif [ "$name" != 'no mutant' ] && [ "$status" -eq 1 ] && [ "$found" -gt 0 ]; then
        echo "ok $number - dies: $name ($found checks failed)"
    else
        echo "not ok $number - $name: status $status, $found checks failed"
        printf '%s\n' "$output" | grep -v '^ok' | head -n 20 | sed 's/^/# /'
        failed=1
    fi
done
echo "1..$number"
exit $failed
