#!/bin/sh
# Runs the property tests with each mutant: one of them must find it (an assertion of the core counts), and none may find anything without.
number=0
failed=0
export TAP_STOP=1 # the first check that fails is enough
for name in 'no mutant' 'cancel: count borrowed leaves as used' 'history: worst-case memory share not reserved' \
    'shapes: start before the borrowers have left' 'sharing: a notice longer than the grace' \
    'shapes: fractions of two tenants on one GPU' 'sharing: a reserved GPU closed to its tenant own fractions' \
    'history: a deadline missed while waiting' 'history: ceilings of the tenants above ignored' \
    'history: ceilings of users ignored' 'plans: booked maintenance ignored' \
    'shapes: models in the order of declaration' 'shapes: any node will do' 'shapes: any number of tasks in one cell' \
    'shapes: instances placed as if the GPU were empty' 'shapes: instances and milli-fractions on one GPU' \
    'gate: worst-case power not reserved' 'gate: a power limit ignored until it begins' \
    'gate: forbidden neighbours forgotten' 'reclaim: victims chosen by youth alone' 'reclaim: a gang cut in half' \
    'reclaim: a notice shorter than promised' 'reclaim: a notice given though the walltime ends in time' \
    'cancel: a notice that is not taken back' 'plans: backfill takes what is kept for a planned start' \
    'plans: cells that a planned start counts on are bound elsewhere' \
    'plans: a start is sought for the first of the blocked alone' 'gate: foreign leaves forgotten' \
    'history: what runs on a node that is away is given up' 'plans: a start is planned into booked maintenance' \
    'sharing: whom a list forbids comes beside its data' \
    'reference: who comes before a planned job comes by age' 'reference: a spread over rights, each by itself' \
    'reference: what a right that ends gives back is owed to nobody' \
    'reference: the calendar moves on past what is due' \
    'reference: under other ceilings what has a place already does not count' \
    'reference: a place is kept reserved where its data may not be any more' \
    'reference: gangs lie unevenly on nodes that a Slurm runs' \
    'history: and on several parts of such nodes'; do
    first=${name%%:*}
    found=0
    # Each mutant begins with the test that is known to find it; the others are for the day on which it does not.
    for program in $(printf '%s\n' "$@" | grep "/core_${first}_mutants") $(printf '%s\n' "$@" | grep -v "/core_${first}_mutants"); do
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
