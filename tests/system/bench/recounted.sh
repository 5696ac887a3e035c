#!/bin/sh
# usage: recounted.sh BUILD SOURCE
# The benches of the core print their figures; with one start planted on another's GPUs the recount fails them, and no figure is printed.
set -u
build=$1
# shellcheck source=tests/tap.sh
. "$2/tests/tap.sh"

has() {
    case $out in *"\"$1\":"*) return 0 ;; esac
    echo "# $out"
    return 1
}

for mix in single mixed; do
    out=$("$build/dure" bench place --nodes 1000 --mix $mix --json)
    for field in per_s p50_us p99_us refused rss_mib; do
        tap_ok "place, $mix: $field" has $field
    done
    out=$(DURE_BENCH_PLANT=double "$build/dure" bench place --nodes 1000 --mix $mix --json 2>&1)
    tap_is "place, $mix: a planted double allocation fails it" $? 1
    case $out in *"given twice"*) said=yes ;; *) said=$out ;; esac
    tap_is "place, $mix: and is named" "$said" yes
    out=$(DURE_BENCH_PLANT=double "$build/dure" bench place --nodes 1000 --mix $mix --json 2>/dev/null)
    tap_is "place, $mix: and no figure is printed" "$out" ""
done
out=$("$build/dure" bench gang --gpus 512 --json)
tap_ok "gang: p50_us" has p50_us
out=$("$build/dure" bench reclaim --gpus 512 --json)
tap_ok "reclaim: decision_us" has decision_us
out=$("$build/dure" bench queue --pending 1000 --json)
tap_ok "queue: next_start_us" has next_start_us
tap_ok "queue: bytes_per_job" has bytes_per_job
"$build/dure" bench place --nodes 5 2>/dev/null
tap_is "a fleet too small is refused" $? 2
"$build/dure" bench place --load 2 2>/dev/null
tap_is "a load over 1 is refused" $? 2
"$build/dure" bench place --mix most 2>/dev/null
tap_is "an unknown mix is refused" $? 2
tap_done
