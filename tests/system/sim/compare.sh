#!/bin/sh
# usage: compare.sh BUILD SOURCE
# `dure sim compare`, `silo` and `run` as people call them: columns and seeds, what they write, what they refuse, and the end by Ctrl-C.
set -eu
build=$1 source=$2
# shellcheck source=tests/tap.sh
. "$source/tests/tap.sh"
dure=$build/dure
trace=$source/tests/golden/sim/philly.csv
fleets=$source/examples/fleets
work=$(mktemp -d "${TMPDIR:-/tmp}/dure-compare-XXXXXX")
export TZ=Asia/Seoul LC_ALL=C.UTF-8
trap 'rm -rf "$work"' EXIT

# run NAME STATUS ARGUMENT...: its output is in $work/out and $work/err.
run() {
    name=$1 want=$2
    shift 2
    status=0
    timeout 120 "$dure" "$@" >"$work/out" 2>"$work/err" || status=$?
    tap_ok "$name exits with $want" [ "$status" -eq "$want" ]
}
# said NAME TEXT: on standard error.
said() {
    tap_has "$1" "$(cat "$work/err")" "$2"
}
shown() {
    tap_has "$1" "$(cat "$work/out")" "$2"
}

run 'orders and placements' 0 sim compare --trace "$trace" --gpus 64 --policy fifo,SJF,easy+fgd,dure --report "$work/report"
shown 'stand in columns' 'fifo+BestFit'
shown 'by the names of papers' 'easy+FGD'
for file in report.html report.json summary.csv waits.csv tenants.csv chains.csv series.csv; do
    tap_ok "$file is there" test -s "$work/report/$file"
done
tap_not 'without seeds there is no table of them' test -e "$work/report/seeds.csv"
tap_ok 'the page draws them in one picture' grep -q 'The largest gang there was room for' "$work/report/report.html"
run 'seeds' 0 sim compare --trace "$trace" --gpus 64 --policy easy+random,bestfit --seeds 42-44 --json --report "$work/seeds"
shown 'are told' '"seeds":"42-44"'
shown 'with mean and deviation' '"turnaround_s":{"mean":'
tap_ok 'a deviation that is not nothing' sh -c "! grep -q '\"name\":\"easy+Random\".*\"wait_s\":{\"mean\":[0-9.]*,\"sd\":0.0.*\"name\":\"easy+BestFit\"' '$work/out'"
tap_ok 'every seed is written' grep -q '^easy+Random,44,wait_s,' "$work/seeds/seeds.csv"
tap_ok 'and what they come to' grep -q '^easy+BestFit,sd,wait_s,' "$work/seeds/seeds.csv"
cp "$work/out" "$work/before"
run 'the same again' 0 sim compare --trace "$trace" --gpus 64 --policy easy+random,bestfit --seeds 42-44 --json
tap_ok 'says the same' cmp -s "$work/out" "$work/before"
run 'a name that is none' 2 sim compare --trace "$trace" --gpus 64 --policy fifo,bestfitt
said 'lists those that there are' "found 'bestfitt', expected an order (fifo, easy, sjf, srtf, srsf, tiresias-l)"
run "dure's order with another's places" 2 sim compare --trace "$trace" --gpus 64 --policy dure+fgd
said 'says what to ask for' 'such as easy+fgd'
run 'the same twice' 2 sim compare --trace "$trace" --gpus 64 --policy fifo,fifo+bestfit
said 'is named' 'found fifo+BestFit twice'
run 'seeds the wrong way round' 2 sim compare --trace "$trace" --gpus 64 --policy fifo --seeds 9-1
said 'say what seeds are' "--seeds: found '9-1', expected a seed or a range"
run 'both kinds of seed' 2 sim compare --trace "$trace" --gpus 64 --policy fifo --seeds 1-2 --seed 3
said 'are one too many' 'found --seed and --seeds'
run 'nothing to compare with' 2 sim compare --trace "$trace" --gpus 64
said 'says what is expected' 'expected --policy NAME,NAME'

printf 'kind: Power\nversion: 1\nlimits: []\n' >"$work/power.yaml"
run 'limits of power' 0 sim compare -F "$fleets/korea.yaml" -T "$fleets/korea-tenants.yaml" --days 1 --policy dure "$work/power.yaml"
run 'limits for who knows none' 2 sim compare -F "$fleets/korea.yaml" -T "$fleets/korea-tenants.yaml" --days 1 --policy easy --power "$work/power.yaml"
said 'are refused with a word' 'only dure knows power limits'

# Blocks that gangs need are kept whole: the largest gang that there is room for, beside best fit.
run 'a national week' 0 sim compare -F "$fleets/korea.yaml" -T "$fleets/korea-tenants.yaml" --days 7 --load 85 --seeds 42-43 --policy bestfit,dure --json
for figure in largest_gang largest_in_cell; do
    # shellcheck disable=SC2046
    set -- $(grep -o "\"$figure\":{\"mean\":[0-9.]*" "$work/out" | sed 's/.*://')
    tap_ok "$figure: dure leaves more room ($2) than best fit ($1)" awk "BEGIN {exit !($2 > $1)}"
done

# ---- three ways to share ----
run 'silo' 0 sim silo -F "$fleets/two-owners.yaml" -T "$fleets/two-owners-tenants.yaml" --days 14 --load 120 --seed 3 --report "$work/silo"
shown 'shows the three ways' 'sharing by quotas'
shown 'owner by owner' 'east '
tap_ok 'with what an owner gives up by lending' grep -q 'fewer in all than alone: east 4,997' "$work/silo/report.html"
shown 'says what counts cannot promise' 'for want of a place of their shape'
shown 'and that nobody is worse off by cells' 'By cells nobody is worse off than alone'
tap_ok 'the page shows the anomaly' grep -q 'Rights kept waiting by shape alone' "$work/silo/report.html"
tap_ok 'owners are a table of their own' grep -q '^owner,GPU-h alone,by quotas,by cells' "$work/silo/owners.csv"
run 'silo as JSON' 0 sim silo -F "$fleets/two-owners.yaml" -T "$fleets/two-owners-tenants.yaml" --days 14 --load 120 --seed 3 --json
shown 'tells it to programs' '"nobody_worse_than_alone":true'
tap_ok 'quotas keep rights waiting for their shape' sh -c "grep -q '\"anomaly\":{\"rights\":[1-9][0-9]*,' '$work/out'"
tap_ok 'start by start, cells are held against alone' sh -c "grep -q '\"against_alone\":{\"starts\":[1-9][0-9]*,' '$work/out'"
shown 'cells serve none late' '"late_by_cells":0'
same() {
    grep -o '"digest":"[^"]*"' "$work/out" | tail -1
}
both=$(same)
sed 's/lending:.*/lending: [{owner: east, notice: 5m, to: all}]/' "$fleets/two-owners-tenants.yaml" >"$work/east-lends.yaml"
run 'the others lend as well' 0 sim silo -F "$fleets/two-owners.yaml" -T "$work/east-lends.yaml" --rest-lends 5m --days 14 --load 120 --seed 3 --json
tap_is 'as if their terms said so' "$(same)" "$both"
run 'a notice of more than a day' 2 sim silo -F "$fleets/two-owners.yaml" -T "$work/east-lends.yaml" --rest-lends 2d --days 1
said 'is refused' 'rest-lends'

# ---- traces that are none ----
head -c 100000 /dev/urandom >"$work/noise.csv"
run 'noise' 2 sim run --trace "$work/noise.csv" --gpus 64
said 'is named' 'noise.csv'
run 'no such trace' 5 sim run --trace "$work/none.csv" --gpus 64
said 'is named too' 'none.csv: No such file or directory'
printf 'timestamp,duration,num_gpus,gpu_time,cluster\n2017-10-02 00:00:00,x,1,1,a\n2017-10-02 00:00:01,10,1,10,a\n' >"$work/bad.csv"
run 'a bad row' 0 sim run --trace "$work/bad.csv" --gpus 64 --json
shown 'is counted' '"bad_rows":1,"bad_lines":[2]'
said 'and told by line, field, found and expected' "bad.csv:2:21: duration: found 'x', expected"
run 'a bad row where none may be' 2 sim run --trace "$work/bad.csv" --gpus 64 --bad-rows stop
said 'ends it' "bad.csv:2:21"
if [ "$(id -u)" -ne 0 ]; then
    cp "$trace" "$work/locked.csv" && chmod 0 "$work/locked.csv"
    run 'a trace that may not be read' 4 sim run --trace "$work/locked.csv" --gpus 64
    said 'says so' 'locked.csv: Permission denied'
else
    tap_skip 'a trace that may not be read: root may read all'
fi
truncate -s 1025M "$work/enormous.csv"
run 'an enormous trace' 2 sim run --trace "$work/enormous.csv" --gpus 64
said 'has a limit' 'expected a trace of at most 1 GiB'
rm -f "$work/enormous.csv"

# ---- a disk that fills, and an early end ----
status=0
(trap '' XFSZ; ulimit -f 4; exec timeout 60 "$dure" sim run --trace "$trace" --gpus 64 --report "$work/full" >/dev/null 2>"$work/err") || status=$?
tap_ok 'a disk that fills fails the run' [ "$status" -ne 0 ]
said 'names the file' 'full/report.html'
said 'and says that no part of it was left' 'no part of this file was left'
tap_not 'which is so' test -e "$work/full/report.html"

# As Ctrl-C does, again until it ends: before the run begins nobody hears it. Sets status.
interrupt() {
    sleep 2
    while kill -INT "$1" 2>/dev/null; do sleep 1; done
    status=0
    wait "$1" || status=$?
}
"$dure" sim run -F "$fleets/korea.yaml" -T "$fleets/korea-tenants.yaml" --days 3000 --jobs 30000000 --json --report "$work/cut" >"$work/out" 2>"$work/err" &
interrupt $!
tap_ok 'Ctrl-C ends a run with 1' [ "$status" -eq 1 ]
shown 'what there is is told, as partial' '"partial":true'
tap_ok 'the page is marked' grep -q 'class="partial".*stopped before its end: partial' "$work/cut/report.html"
tap_ok 'so is its JSON' grep -q '"partial":true' "$work/cut/report.json"

"$dure" sim compare -F "$fleets/korea.yaml" -T "$fleets/korea-tenants.yaml" --days 3000 --jobs 3000000 --policy dure,easy --json --report "$work/less" >"$work/out" 2>"$work/err" &
interrupt $!
tap_ok 'Ctrl-C ends a comparison with 1 too' [ "$status" -eq 1 ]
shown 'the columns that there are stand in it' '"name":"dure"'
shown 'as partial' '"partial":true'
shown 'and the title says so' 'columns are missing'
tap_ok 'the page names those that are missing' grep -q 'missing: easy+BestFit' "$work/less/report.html"
tap_done
