#!/bin/sh
# usage: whatif_all.sh BUILD SOURCE
# Every change that `dure whatif` knows, against a live daemon with two sites, data and power: each has the effect that it should, nothing of it touches the daemon.
set -u
build=$1
# shellcheck source=tests/tap.sh
. "$2/tests/tap.sh"
# shellcheck source=tests/home.sh
. "$2/tests/home.sh"

cat >"$work/fleet.yaml" <<'SPEC'
kind: Fleet
version: 1
name: two
zone: Asia/Seoul
models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}]
owners: [{name: o}]
sites:
  - {name: north, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}
  - {name: south, region: b, latitude: 35.0, longitude: 129.0, engine: emulated}
groups:
  - {name: gn, owner: o, site: north, model: b200, nodes: 'n-[01-04]', cpus: 128, memory: 2TiB, disk: 1TiB, power: 10kW,
     levels: [{name: rack, holds: 2}, {name: node, holds: 8}], status: assumed}
  - {name: gs, owner: o, site: south, model: b200, nodes: 's-[01-04]', cpus: 128, memory: 2TiB, disk: 1TiB, power: 10kW,
     levels: [{name: rack, holds: 2}, {name: node, holds: 8}], status: assumed}
SPEC
cat >"$work/tenants.yaml" <<'SPEC'
kind: Tenants
version: 1
tenants: [{name: t, owner: o, tenants: [{name: a}, {name: b}]}]
allotments:
  - {name: ra, tenant: t/a, group: gn, level: node, count: 2}
  - {name: rb, tenant: t/b, group: gs, level: node, count: 2}
lending: [{owner: o, notice: 10m, to: all}]
SPEC
cat >"$work/data.yaml" <<'SPEC'
kind: Data
version: 1
datasets: [{name: images, class: S, sites: [north]}]
SPEC
# job NAME TENANT CLASS TASKS RUNS_FOR [LINE]
job() {
    printf 'kind: Job\nversion: 1\nname: %s\nproject: %s\nclass: %s\ntasks: %s\ngpus: 8\nwalltime: 8h\nruns_for: %s\ncommand: [/bin/true]\n%s\n' \
        "$1" "$2" "$3" "$4" "$5" "${6-}" >"$work/$1.yaml"
}
job right t/a guaranteed 2 4h
job lent t/b borrowed 2 6h
job bound t/a borrowed 1 2h 'data: [images]'
job one t/b guaranteed 1 1h
timeout 120 "$dure" up --no-job --fleet "$work/fleet.yaml" --tenants "$work/tenants.yaml" >/dev/null 2>"$work/err"
tap_is 'a daemon' $? 0
timeout 60 "$dure" data apply "$work/data.yaml" >/dev/null 2>"$work/err"
tap_is 'with a dataset' $? 0
for name in right lent lent lent bound bound bound right; do timeout 60 "$dure" submit "$work/$name.yaml" >/dev/null 2>"$work/err" || cat "$work/err"; done
# Quiet: every start that is to come is planned, and the record stands still.
size() { timeout 60 "$dure" audit checkpoint | sed -n 2p; }
last='' quiet=0
for _ in $(seq 150); do
    now=$(size)
    [ "$now" = "$last" ] && quiet=$((quiet + 1)) || quiet=0
    [ "$quiet" -ge 12 ] && break
    last=$now
    sleep 0.25
done
before=$(timeout 60 "$dure" audit checkpoint)
# Nothing was recorded for seconds: what is asked of the present is told from now on, not from then.
tap_is 'what is lent would be back in the grace of 30 s, from now on' "$(timeout 60 "$dure" fleet --owner o --json | jq -r '
    def seconds: sub("[.][0-9]+"; "") | fromdateiso8601;
    .as_of as $now | [.uses[] | select(.title != "granted") | select(.back_if_asked) | (.back_if_asked | seconds) - ($now | seconds)] | unique | join(" ")')" 30

# ask NAME STATUS OPTION...: the answer as JSON in $work/out.
ask() {
    name=$1 want=$2
    shift 2
    status=0
    timeout 120 "$dure" whatif "$@" --json >"$work/out" 2>"$work/err" || status=$?
    tap_is "$name" "$status" "$want"
    [ "$status" -eq "$want" ] || cat "$work/err"
}
# holds NAME EXPRESSION over a (as it is), b (changed) and all.
holds() {
    tap_ok "$1" python3 -c 'import json,sys
all=json.load(open(sys.argv[1])); a,b=all["runs"]
sys.exit(0 if eval(sys.argv[2]) else str((sys.argv[2], {k:(a[k],b[k]) for k in ("gpus","utilisation","starts","ended","pending","wait_s","cells_short","promises_broken","evicted")})))' "$work/out" "$2"
}

if command -v python3 >/dev/null; then
    ask 'more nodes' 0 --add-nodes gn=4 --until 1d --arrivals none
    holds 'are there on one side' 'b["gpus"] == a["gpus"] + 32'
    holds 'where nobody waits longer' 'b["wait_s"] <= a["wait_s"] and b["pending"] <= a["pending"]'
    ask 'a site fails' 0 --fail site=south --until 1d --arrivals none
    holds 'and takes its GPUs along' 'b["gpus"] == a["gpus"] - 32'
    holds 'its rights are named short' 'b["cells_short"] == 2 and a["cells_short"] == 0'
    holds 'the starts that move are told' 'len(all["starts_that_move"]) > 0'
    holds 'what runs there starts again' 'any(s.get("runs_now") and s["as_it_is"] is None and s["with_the_change"] for s in all["starts_that_move"])'
    ask 'a rack fails' 0 --fail rack=n-01 --until 1d --arrivals none
    holds 'of two nodes' 'b["gpus"] == a["gpus"] - 16'
    ask 'a node fails' 0 --fail node=n-03 --until 1d --arrivals none
    holds 'alone' 'b["gpus"] == a["gpus"] - 8'
    ask 'another allotment' 0 --allot t/a:gn:node=2 --until 1d --arrivals none
    holds 'lets a right start that waited' 'any(s["job"] == 8 for s in all["starts_that_move"])'
    ask 'less power' 0 --power south=20kW --until 1d --arrivals none
    holds 'feeds fewer GPUs' 'b["turnaround_s"] > a["turnaround_s"] and b["ended"] <= a["ended"]'
    ask 'a dataset that may go farther' 0 --data images=north,south --until 1d --arrivals none
    holds 'moves those that use it' 'b["ended"] >= a["ended"]'
    ask 'one more job' 0 --submit "$work/one.yaml" --until 1d --arrivals none
    holds 'is one more' 'b["ended"] + b["pending"] + b["running"] == a["ended"] + a["pending"] + a["running"] + 1'
    for policy in easy+bestfit fifo sjf srtf easy+fgd; do
        ask "by $policy" 0 --policy $policy --until 2d --arrivals none
        holds "ends the same work in the end" 'b["ended"] == a["ended"] and b["pending"] == 0'
        holds 'and knows no promises' 'b["promises_kept"] is None'
    done
    tap_has 'what it does not heed is told' "$(cat "$work/out")" 'knows no rights, power limits'
    ask 'with what came in the last week' 0 --fail node=n-03 --until 7d
    holds 'which is said' '"the 8 jobs submitted since" in all["assumed"] and "come again 1d later each, over and over" in all["assumed"]'
    holds 'and comes on both sides' 'a["jobs"] == b["jobs"] and a["jobs"] == 56'
    cp "$work/out" "$work/once"
    printf 'submit,duration_s,gpus,tenant\n0,3600,8,t/a\n600,3600,16,t/b\n1200,3600,8,t/b\n' >"$work/trace.csv"
    ask 'with a trace' 0 --fail node=n-03 --arrivals "$work/trace.csv" --until 1d
    holds 'of three jobs' 'a["jobs"] == 3 and "the 3 jobs of" in all["assumed"]'
    ask 'with nothing' 0 --fail node=n-03 --arrivals none --until 1d
    holds 'which is said too' 'a["jobs"] == 0 and all["assumed"] == "no further jobs come"'
    ask 'everything at once' 0 --add-nodes gs=2 --fail rack=n-01 --allot t/b:gs:node=1 --power north=1MW --data images=all --submit "$work/one.yaml" --until 3d --report "$work/report"
    holds 'tenant by tenant' '{"t/a", "t/b"} <= {r["tenant"] for r in all["by_tenant"]}'
    tap_ok 'with a page' grep -q 'Tenant by tenant' "$work/report/report.html"
    tap_ok 'and a table' grep -q '^t/a,' "$work/report/by_tenant.csv"
else
    tap_skip 'what each change does: no python3 to read JSON with'
fi

# refused NAME STATUS TEXT OPTION...
refused() {
    name=$1 want=$2 text=$3
    shift 3
    status=0
    timeout 60 "$dure" whatif "$@" >"$work/out" 2>"$work/err" || status=$?
    tap_is "$name" "$status" "$want"
    tap_has 'is told what was expected' "$(cat "$work/err")" "$text"
}
refused 'no group' 5 "found 'nowhere'" --add-nodes nowhere=4
refused 'no number' 2 "found 'many', expected a number of nodes" --add-nodes gn=many
refused 'no such kind of thing' 2 "--fail: found 'hall', expected" --fail hall
refused 'no such node' 5 'x-99' --fail node=x-99
refused 'no such level' 2 "--allot: level: found 'shelf', expected a level of this hardware" --allot t/a:gn:shelf=1
refused 'more than there is' 1 'cells' --allot t/a:gn:node=9
refused 'no unit' 2 "found '12', expected power such as 132kW or 12MW" --power north=12
refused 'no such site' 5 'west' --power west=12MW
refused 'no such dataset' 5 'films' --data films=north
refused 'no such site for data' 2 'west' --data images=west
refused 'no such scheduler' 2 "--policy: found 'lottery', expected an order (fifo" --policy lottery
refused 'no such trace' 5 '--arrivals:' --arrivals "$work/none.csv" --fail node=n-03
refused 'no length of time' 2 '--until' --until soon --fail node=n-03
refused 'no such job' 2 'none.yaml' --submit "$work/none.yaml"

# A long question, while somebody works.
timeout 120 "$dure" whatif --fail site=south --until 366d >"$work/long" 2>&1 &
pid=$!
timeout 10 "$dure" jobs >/dev/null 2>&1
tap_is 'meanwhile the daemon answers' $? 0
tap_is 'and by none of all this did its record grow' "$(timeout 60 "$dure" audit checkpoint)" "$before"
timeout 10 "$dure" submit "$work/one.yaml" >/dev/null 2>&1
tap_is 'it takes work' $? 0
status=0
wait $pid || status=$?
tap_is 'the long question is answered' "$status" 0
timeout 60 "$dure" audit verify >/dev/null 2>&1
tap_is 'and the record is as the rules say' $? 0
tap_done
