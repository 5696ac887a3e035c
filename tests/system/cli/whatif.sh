#!/bin/sh
# usage: whatif.sh BUILD SOURCE
# What if, of a live daemon: changes play in the client, and the daemon's record does not grow by them.
set -u
build=$1
# shellcheck source=tests/tap.sh
. "$2/tests/tap.sh"
# shellcheck source=tests/home.sh
. "$2/tests/home.sh"

home_small_fleet
cat >"$work/tenants.yaml" <<'SPEC'
kind: Tenants
version: 1
tenants: [{name: t, owner: o}]
allotments: [{name: r, tenant: t, group: g, level: node, count: 4}]
SPEC
cat >"$work/job.yaml" <<'SPEC'
kind: Job
version: 1
name: train
project: t
tasks: 2
gpus: 8
walltime: 1h
runs_for: 30m
command: [/bin/true]
SPEC
sed 's/tasks: 2/tasks: 40/' "$work/job.yaml" >"$work/huge.yaml"
timeout 120 "$dure" up --no-job --fleet "$work/fleet.yaml" --tenants "$work/tenants.yaml" >/dev/null 2>&1
tap_is "a daemon" $? 0
for _ in 1 2 3; do timeout 60 "$dure" submit "$work/job.yaml" >/dev/null 2>&1; done
size() { timeout 60 "$dure" audit checkpoint | sed -n 2p; }
# The third finds no room: once its start is planned, nothing more happens by itself until the first ends.
for _ in $(seq 100); do
    if timeout 60 "$dure" show 3 --json 2>/dev/null | grep -q '"planned":"'; then break; fi
    sleep 0.2
done
sleep 1
before=$(size)
timeout 60 "$dure" whatif --fail rack=a-01 --until 1d >"$work/out" 2>&1
tap_is "a rack less: it ends well" $? 0
said=$(cat "$work/out")
tap_has "both stand side by side" "$said" "with the change"
tap_has "and a job starts later" "$said" "later"
timeout 60 "$dure" whatif --add-nodes g=4 --submit "$work/job.yaml" --json >"$work/out" 2>&1
tap_is "more nodes and one more job" $? 0
tap_has "starts that move are told" "$(cat "$work/out")" '"starts_that_move":[{'
timeout 60 "$dure" whatif --submit "$work/huge.yaml" >"$work/out" 2>&1
tap_is "what the daemon would refuse is refused" $? 1
timeout 60 "$dure" whatif >"$work/out" 2>&1
tap_is "no change is no question" $? 2
timeout 60 "$dure" whatif --fail site=nowhere >"$work/out" 2>&1
tap_is "an unknown site" $? 5
tap_has "is named" "$(cat "$work/out")" "nowhere"
timeout 60 "$dure" whatif --power s=1MW --power s=1W --report "$work/report" >/dev/null 2>&1
tap_is "the last limit counts, and a report is written" $? 0
tap_ok "the page is there" test -s "$work/report/report.html"
tap_is "the daemon's record did not grow by any of this" "$(size)" "$before"
tap_done
