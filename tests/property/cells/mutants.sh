#!/bin/sh
# Runs the property tests with each mutant: one of them must find it, and neither anything in the room as it is.
number=0
failed=0
for name in 'no mutant' 'split the highest level' 'per-level-only check' 'level-m-only relaxed split' 'no merge' 'lost leaves forgotten' \
    'future rights ignored until they start' 'prices as they were when somebody last asked'; do
    found=0
    broken=0
    for program in "$@"; do
        output=$("$program" "$number" 2>&1)
        status=$?
        checks=$(printf '%s\n' "$output" | grep -c '^not ok')
        found=$((found + checks))
        if [ "$status" -gt 1 ] || { [ "$status" -eq 0 ] && [ "$checks" -gt 0 ]; }; then
            broken=$status
        fi
    done
    number=$((number + 1))
    if [ "$number" -eq 1 ] && [ "$found" -eq 0 ] && [ "$broken" -eq 0 ]; then
        echo "ok $number - without a mutant the tests pass"
    elif [ "$number" -gt 1 ] && [ "$found" -gt 0 ]; then
        echo "ok $number - dies: $name ($found checks failed)"
    else
        echo "not ok $number - $name: status $broken, $found checks failed"
        failed=1
    fi
done
echo "1..$number"
exit $failed
