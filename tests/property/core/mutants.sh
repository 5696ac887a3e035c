#!/bin/sh
# Runs the property tests with each mutant: one of them must find it (an assertion of the core counts), and none may find anything without.
number=0
failed=0
for name in 'no mutant' 'count borrowed leaves as used' 'worst-case memory share not reserved' 'start before the borrowers have left' \
    'a notice longer than the grace' 'fractions of two tenants on one GPU' 'a reserved GPU closed to its tenant own fractions' 'a deadline missed while waiting' \
    'ceilings of the tenants above ignored' 'ceilings of users ignored' 'booked maintenance ignored' \
    'models in the order of declaration' 'any node will do' 'any number of tasks in one cell' 'instances placed as if the GPU were empty' \
    'instances and milli-fractions on one GPU' 'worst-case power not reserved' \
    'a power limit ignored until it begins' 'forbidden neighbours forgotten' \
    'victims chosen by youth alone' 'a gang cut in half' \
    'a notice shorter than promised' 'a notice given though the walltime ends in time' 'a notice that is not taken back' \
    'backfill takes what is kept for a planned start' 'cells that a planned start counts on are bound elsewhere' \
    'a start is sought for the first of the blocked alone' \
    'foreign leaves forgotten' 'what runs on a node that is away is given up' \
    'a start is planned into booked maintenance' 'whom a list forbids comes beside its data'; do
    found=0
    for program in "$@"; do
        "$program" "$number" >/dev/null 2>&1 || found=$((found + 1))
        [ "$number" -eq 0 ] || [ "$found" -eq 0 ] || break # one is enough
    done
    number=$((number + 1))
    if [ "$number" -eq 1 ] && [ "$found" -eq 0 ]; then
        echo "ok $number - without a mutant all pass"
    elif [ "$number" -gt 1 ] && [ "$found" -gt 0 ]; then
        echo "ok $number - dies: $name"
    else
        echo "not ok $number - $name: found by $found"
        failed=1
    fi
done
echo "1..$number"
exit $failed
