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
out=$("$build/dure" bench lifecycle --nodes 32500 --seconds 1 --json)
for field in per_s p99_us; do
    tap_ok "lifecycle: $field" has $field
done
out=$(DURE_BENCH_PLANT=double "$build/dure" bench lifecycle --nodes 1000 --mix single --seconds 1 --json 2>&1)
tap_is "lifecycle: a planted double allocation fails it" $? 1
case $out in *"given twice"*) said=yes ;; *) said=$out ;; esac
tap_is "lifecycle: and is named" "$said" yes
work=$(mktemp)
trap 'rm -f "$work"' EXIT
{
    echo job_id,submit_s,user,account,nodes,gpus_per_node,duration_s
    i=0
    while [ $i -lt 300 ]; do
        i=$((i + 1))
        echo "$i,0.5,u$((i % 7)),a$((i % 3)),$((1 + i % 4)),$((1 + i % 8)),1000"
    done
} >"$work"
out=$("$build/dure" bench workload --nodes 1000 --file "$work" --json)
for field in '"started":300' '"jobs":300' '"seconds":' '"per_s":'; do
    case $out in *"$field"*) said=yes ;; *) said=$out ;; esac
    tap_is "workload: $field" "$said" yes
done
out=$(DURE_BENCH_PLANT=double "$build/dure" bench workload --nodes 1000 --file "$work" --json 2>&1)
tap_is "workload: a planted double allocation fails it" $? 1
case $out in *"given twice"*) said=yes ;; *) said=$out ;; esac
tap_is "workload: and is named" "$said" yes
echo "301,0.5,u1,a1,1,9,100" >>"$work"
out=$("$build/dure" bench workload --nodes 1000 --file "$work" --json 2>&1)
tap_is "workload: a bad row is refused" $? 1
case $out in *":302: gpus_per_node: found '9', expected a whole number from 1 to 8"*) said=yes ;; *) said=$out ;; esac
tap_is "workload: with its line and field" "$said" yes
"$build/dure" bench workload 2>/dev/null
tap_is "workload: no file is refused" $? 2
"$build/dure" bench place --nodes 5 2>/dev/null
tap_is "a fleet too small is refused" $? 2
"$build/dure" bench place --load 2 2>/dev/null
tap_is "a load over 1 is refused" $? 2
"$build/dure" bench place --mix most 2>/dev/null
tap_is "an unknown mix is refused" $? 2
tap_done
