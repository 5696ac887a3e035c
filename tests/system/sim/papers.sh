#!/bin/sh
# usage: papers.sh BUILD SOURCE
# `dure sim paper` as people call it: on small traces of our own, and, where the authors' traces are, their tables.
set -eu
build=$1 source=$2
# shellcheck source=tests/tap.sh
. "$source/tests/tap.sh"
dure=$build/dure
own=$source/tests/golden/sim
traces=${DURE_TRACES:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# run NAME STATUS ARGUMENT...: its output is in $work/out and $work/err.
run() {
    name=$1 want=$2
    shift 2
    status=0
    "$dure" "$@" >"$work/out" 2>"$work/err" || status=$?
    tap_ok "$name exits with $want" [ "$status" -eq "$want" ]
}
figure() {
    sed -n "s/.*\"$1\":\([-0-9.e+]*\).*/\1/p" "$work/out"
}

run 'a trace of ours by FGD' 0 sim paper fgd --nodes "$own/nodes.csv" --pods "$own/pods.csv" --policy FGD --seeds 42-44 --json
tap_has 'names the trace' "$(cat "$work/out")" '"trace":"pods","policy":"FGD","seeds":"42-44"'
tap_ok 'has a mean' [ -n "$(figure mean_percent_at_100)" ]
tap_has 'counts bad rows' "$(cat "$work/out")" '"bad":2,"bad_lines":[162,163]'
tap_has 'lists them' "$(cat "$work/err")" "pods.csv:162:15: memory_mib: found 'x', expected a whole number"
first=$(figure mean_percent_at_100)
run 'the same again' 0 sim paper fgd --nodes "$own/nodes.csv" --pods "$own/pods.csv" --policy FGD --seeds 42-44 --json
tap_ok 'gives the same' [ "$first" = "$(figure mean_percent_at_100)" ]
run '--strict' 2 sim paper fgd --nodes "$own/nodes.csv" --pods "$own/pods.csv" --strict
tap_has 'stops at the first bad row' "$(cat "$work/err")" 'pods.csv:162:15'
run 'no pods' 2 sim paper fgd --nodes "$own/nodes.csv"
tap_has 'says what is missing' "$(cat "$work/err")" '--pods is missing'
run 'seeds the wrong way round' 2 sim paper fgd --seeds 51-42
tap_has 'says what seeds are' "$(cat "$work/err")" "found '51-42', expected a seed or a range"
run 'no such file' 2 sim paper fgd --nodes "$work/none.csv" --pods "$own/pods.csv"
tap_has 'names it' "$(cat "$work/err")" 'none.csv: No such file or directory'
run 'a trace of ours by SRSF' 0 sim paper muri --jobs "$own/jobs.csv" --nodes 3 --gpus 8 --policy srsf --json
tap_has 'gives three figures' "$(cat "$work/out")" '"trace":"jobs","policy":"srsf","avg_jct_s":3439.689247'
run 'a cluster that is too small' 2 sim paper muri --jobs "$own/jobs.csv" --nodes 1 --gpus 8
tap_has 'says what to give' "$(cat "$work/err")" 'give more --nodes or --gpus'
DURE_TRACES=$work
export DURE_TRACES
for paper in fgd muri; do
    run "$paper without traces" 2 sim paper $paper
    tap_has 'says what to do' "$(cat "$work/err")" 'Set DURE_TRACES to the folder'
done

# A published table that we do not meet must fail, or meeting the real one says nothing.
mkdir "$work/muri"
cp "$own/jobs.csv" "$work/muri/ours.csv"
printf 'trace,policy,avg_jct_s,makespan_s,p99_jct_s\nours,SRTF,1,1,1\n' >"$work/muri/expected.csv"
run 'a table that does not hold' 1 sim paper muri
tap_has 'is shown as such' "$(cat "$work/out")" ' no'

DURE_TRACES=$traces
for folder in "$source/../shared/data" "$source/../../shared/data"; do
    [ -n "$DURE_TRACES" ] || [ ! -e "$folder/openb/expected_allocation.csv" ] || DURE_TRACES=$folder
done
if [ -e "$DURE_TRACES/openb/expected_allocation.csv" ] && [ -e "$DURE_TRACES/muri/expected.csv" ]; then
    run "Muri's table" 0 sim paper muri --json
    tap_has 'holds' "$(cat "$work/out")" '"holds":true}'
    for trace in default:95.8 multigpu20:96.0; do
        run "dure on ${trace%:*}" 0 sim paper fgd --nodes "$DURE_TRACES/openb/openb_node_list_gpu_node.csv" \
            --pods "$DURE_TRACES/openb/openb_pod_list_${trace%:*}.csv" --policy dure --seeds 200-201 --tie reverse --json
        tap_ok "is at least ${trace#*:}" awk "BEGIN {exit !($(figure mean_percent_at_100) >= ${trace#*:})}"
    done
    for policy in FGD BestFit GpuPacking; do
        run "FGD's table, $policy" 0 sim paper fgd --policy $policy --json
        tap_has 'holds' "$(cat "$work/out")" '"holds":true}'
    done
else
    tap_skip "the authors' tables: no traces in '$DURE_TRACES'; DURE_TRACES names their folder"
fi
tap_done
