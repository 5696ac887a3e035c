#!/bin/sh
# usage: again.sh BUILD SOURCE
# Simulator and daemon decide the same: the journal of a real daemon that had work, an eviction and a node drained is decided again by the simulator's core.
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
tenants: [{name: t, owner: o, tenants: [{name: a}, {name: b}]}]
allotments: [{name: r, tenant: t/a, group: g, level: rack, count: 2}]
lending: [{owner: o, notice: 1m, to: all}]
SPEC
# job NAME TENANT CLASS TASKS RUNS_FOR
job() {
    printf 'kind: Job\nversion: 1\nname: %s\nproject: %s\nclass: %s\ntasks: %s\ngpus: 8\nwalltime: 1h\ngrace: 2s\nruns_for: %s\ncommand: [/bin/true]\n' \
        "$1" "$2" "$3" "$4" "$5" >"$work/$1.yaml"
}
job lent t/b borrowed 1 50m
job quick t/b borrowed 1 1s
job right t/a guaranteed 2 3s
timeout 120 "$dure" up --no-job --fleet "$work/fleet.yaml" --tenants "$work/tenants.yaml" >/dev/null 2>&1
tap_is 'a daemon' $? 0
for name in lent lent lent lent quick quick right; do timeout 60 "$dure" submit "$work/$name.yaml" >/dev/null 2>&1; done
ended() {
    for _ in $(seq 150); do
        timeout 60 "$dure" show "$1" --json 2>/dev/null | grep -q '"state":"COMPLETED"' && return 0
        sleep 0.2
    done
    return 1
}
tap_ok 'a right gets its rack back and is done' ended 7
timeout 60 "$dure" nodes drain -r test a-04 >/dev/null 2>&1
tap_is 'a node is drained' $? 0
timeout 60 "$dure" cancel 1 >/dev/null 2>&1
timeout 60 "$dure" backup "$work/backup" >/dev/null 2>"$work/err"
tap_is 'a backup' $? 0
timeout 60 "$dure" down >/dev/null 2>&1

timeout 60 "$dure" sim run --journal "$work/backup" --json --report "$work/report" >"$work/out" 2>"$work/err"
tap_is 'the simulator decides it again' $? 0
[ -s "$work/err" ] && sed 's/^/# /' "$work/err"
said=$(cat "$work/out")
tap_has 'all that was submitted is there' "$said" '"jobs":7'
tap_ok 'what was taken back too' sh -c "grep -q '\"evicted\":[1-9]' '$work/out'"
tap_has 'no right was late' "$said" '"promises_broken":0'
tap_ok 'decisions were compared' sh -c "grep -q '\"decisions_alike\":\"[1-9][0-9]*\"' '$work/out'"
digest=$(sed -n 's/.*"state_digest":"\([0-9a-f]*\)".*/\1/p' "$work/out")
tap_ok 'the page shows it' grep -q 'What a daemon did' "$work/report/report.html"
timeout 60 "$dure" audit verify --offline --state "$work/backup" >"$work/audit" 2>&1
tap_is 'the audit agrees' $? 0
timeout 60 "$dure" sim run --journal "$work/backup" >"$work/words" 2>&1
tap_has 'in words' "$(cat "$work/words")" "decisions and every digest are as the journal has them; the state is $digest"
timeout 60 "$dure" sim run --trace "$work/backup" -F "$work/fleet.yaml" -T "$work/tenants.yaml" --json >"$work/out" 2>"$work/err"
tap_is 'the same jobs under rules of choice' $? 0

timeout 60 "$dure" sim run --journal "$work/backup" --days 3 >/dev/null 2>"$work/err"
tap_is 'a record brings its own days' $? 2
tap_has 'which is said' "$(cat "$work/err")" 'found --days beside --journal'
timeout 60 "$dure" sim run --journal "$work/none" >/dev/null 2>"$work/err"
tap_not 'no such folder' [ $? -eq 0 ]
tap_has 'is named' "$(cat "$work/err")" "$work/none"
tap_done
