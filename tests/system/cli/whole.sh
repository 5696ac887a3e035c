#!/bin/bash
# usage: whole.sh BUILD SOURCE
# The programs as people use them: up, submit, logs, why, cancel, audit, backup and restore, kill -9, down; and no process left.
set -u
build=$1
source_root=$2
dure=$build/dure
count=0
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/dure-cli-XXXXXX")
export DURE_STATE=$work/state HOME=$work/home XDG_STATE_HOME=$work/xdg TZ=Asia/Seoul LC_ALL=C.UTF-8
unset XDG_RUNTIME_DIR DURE_SOCKET NO_COLOR COLUMNS
mkdir -p "$HOME" "$work/here"
cd "$work/here" || exit 1

left() { # processes of this test's daemons and jobs
    local found=""
    for pid in /proc/[0-9]*; do
        [ "$(readlink "$pid/exe" 2>/dev/null)" ] || continue
        tr '\0' ' ' <"$pid/cmdline" 2>/dev/null | grep -q "$work/" && case "$(readlink "$pid/exe")" in *dure*) found="$found ${pid#/proc/}" ;; esac
    done
    echo "$found"
}
finish() {
    timeout 60 "$dure" down >/dev/null 2>&1
    for pid in $(left); do kill -9 "$pid" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT

ok() { # ok WORDS STATUS
    count=$((count + 1))
    if [ "$2" -eq 0 ]; then echo "ok $count - $1"; else
        echo "not ok $count - $1"
        failed=$((failed + 1))
        sed 's/^/# /' "$work/out" "$work/err" 2>/dev/null | tail -30
    fi
}
run() { # run EXIT WORDS COMMAND...: does it end so?
    local want=$1 words=$2 got
    shift 2
    timeout 60 "$@" >"$work/out" 2>"$work/err"
    got=$?
    ok "$words (exit $got, wanted $want)" $((got != want))
}
# Words only: where a line breaks depends on the width.
has() { tr -s ' \n' ' ' <"$work/$1" | grep -qF -- "$2"; ok "$1 has: $2" $?; }
lacks() { ! tr -s ' \n' ' ' <"$work/$1" | grep -qF -- "$2"; ok "$1 lacks: $2" $?; }
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" "$work/out" | head -1; }
until_is() { # until_is WORDS COMMAND...: within ten seconds
    local words=$1
    shift
    for _ in $(seq 200); do
        if "$@" >"$work/out" 2>"$work/err"; then ok "$words" 0; return; fi
        sleep 0.05
    done
    ok "$words" 1
}
state_is() { [ "$("$dure" jobs --no-header -o state "$1" 2>/dev/null | head -1)" = "$2" ]; }

# Without a daemon.
run 3 "a listing without a daemon" "$dure" jobs
has err "no daemon listens on $DURE_STATE/dured.sock; start one with \`dure up\`"
run 0 "down without a daemon" "$dure" down
has out "Nothing runs: no daemon listens"
run 0 "version without a daemon" "$dure" version --json
has out '"daemon":null'
run 0 "version for people" "$dure" version
has out "no daemon answers"
ok "nothing was made by looking" "$([ -e "$DURE_STATE" ]; echo $((1 - $?)))"

# A faulty file starts nothing.
printf 'kind: Fleet\nversion: 1\nname: x\nowners: []\n' >bad.yaml
run 2 "up with a faulty fleet" "$dure" up --fleet bad.yaml
has err "bad.yaml:4:"
ok "no state was made" "$([ -e "$DURE_STATE" ]; echo $((1 - $?)))"

# Up.
run 0 "up" "$dure" up --virtual-gpus 2
has out "2 virtual GPUs: slots for real processes without hardware behind them"
has out "Hello from job 1"
has out "\$ dure why 1"
has out "It runs"
has out "(virtual)"
has out "The daemon listens on $DURE_STATE/dured.sock"
has out "dure down"
ok "home is left alone" "$([ -z "$(ls -A "$HOME")" ]; echo $?)"
ok "the present directory is left alone" "$([ "$(ls -A)" = bad.yaml ]; echo $?)"
run 0 "up again" "$dure" up
has out "it is left as it is"
has out "none is submitted now"
lacks out "Hello from job"
run 0 "still one job" "$dure" jobs --all --json
ok "exactly one" "$([ "$(grep -o '"job":' "$work/out" | wc -l)" -eq 1 ]; echo $?)"
run 0 "version with a daemon" "$dure" version --json
has out '"health":"ok"'
run 0 "up in JSON" "$dure" up --json --no-job
ok "one object" "$(python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$work/out" 2>/dev/null; echo $?)"

# Scripts, with what sbatch has.
cat >train.sh <<'END'
#!/bin/bash
#SBATCH -J train --gpus=1
#SBATCH --mail-type=END
#SBATCH -t 5
echo "arguments: $1|$2"
echo "variable: ${CLI_TEST:-none}"
echo "here: $PWD"
echo "to stderr" >&2
END
CLI_TEST=seen run 0 "a script with arguments" "$dure" submit train.sh "it's" "two words"
has out "Submitted batch job 2"
has err "not honoured: --mail-type=END (line 3)"
until_is "it completes" state_is 2 COMPLETED
run 0 "its output" "$dure" logs 2
has out "arguments: it's|two words"
has out "variable: seen"
has out "here: $work/here"
run 0 "followed to its end" "$dure" logs -f 2
has out "arguments:"
CLI_TEST=seen run 0 "without the environment" "$dure" submit --parsable --export=NONE train.sh
ok "the number alone" "$([ "$(cat "$work/out")" = 3 ]; echo $?)"
until_is "it completes too" state_is 3 COMPLETED
run 0 "its output" "$dure" logs 3
has out "variable: none"
run 0 "stderr to a file of its own" "$dure" submit -e err.txt -o out-%j.txt train.sh
until_is "it completes as well" state_is 4 COMPLETED
run 0 "standard error" "$dure" logs --stderr 4
has out "to stderr"
ok "where the script said" "$([ -s out-4.txt ] && [ -s err.txt ]; echo $?)"
run 0 "the last bytes" "$dure" logs --stderr --bytes 7 4
ok "seven of them" "$([ "$(cat "$work/out")" = stderr ]; echo $?)"

# Bad input changes nothing.
printf 'kind: Job\nversion: 1\ntasks: 0\ncommand: [hostname]\nfoo: 3\n' >bad-job.yaml
run 2 "a faulty job" "$dure" submit bad-job.yaml
has err "bad-job.yaml:3:8: tasks: found '0'"
has err "bad-job.yaml:5:1: foo:"
printf 'kind: Job\nversion: 1\nproject: no/such\ncommand: [hostname]\n' >no-project.yaml
run 2 "a project that only the daemon knows to be wrong" "$dure" submit no-project.yaml
has err "no-project.yaml:3:10: project: found 'no/such'"
run 2 "options beside YAML" "$dure" submit -n 2 bad-job.yaml
has err "--ntasks is for scripts"
run 1 "a job that can never run" "$dure" submit --gpus-per-node 64 -N 1 --wrap true
has err "this job can never run: a task does not fit into one node"
cp "$work/err" "$work/refused"
run 1 "the same, asked first" "$dure" submit --test-only --gpus-per-node 64 -N 1 --wrap true
ok "is refused in the same words" "$(sed '/^$/,/^  node-shape:/!d' "$work/out" | cmp -s - <(sed '/^$/,/^  node-shape:/!d' "$work/refused") && [ "$(head -1 "$work/out")" = "$(head -1 "$work/refused")" ]; echo $?)"
run 1 "more CPU than there is" "$dure" submit --cpus-per-task 9999 --wrap true
has err " 9,999 "
has err "CPU a task"
lacks err "milli-CPU"
run 0 "tenants, for programs" "$dure" tenants --json
has out "\"gpu_hours_guaranteed\":0."
run 0 "no jump of the clock" "$dure" clock accept
has out "No jump of the clock is held"
run 2 "a task that is none" "$dure" logs -t 7 1
has err "job 1 has one task, number 0"
run 2 "no file" "$dure" submit nowhere.sh
has err "nowhere.sh: No such file or directory"
run 5 "no such job" "$dure" show 999
run 2 "no job's name" "$dure" show twelve
has err "found 'twelve', expected a job's number"
run 2 "a broken format" "$dure" jobs -o jobid,bogus
run 0 "test-only submits nothing" "$dure" submit --test-only --gpus 1 --wrap true
run 0 "as the list shows" "$dure" jobs --all --json
ok "four jobs" "$([ "$(grep -o '"job":' "$work/out" | wc -l)" -eq 4 ]; echo $?)"

# Waiting, and why.
for _ in 1 2 3; do "$dure" submit --parsable --gpus 1 --wrap 'sleep 300' >>ids; done
until_is "the first runs" state_is "$(sed -n 1p ids)" RUNNING
third=$(sed -n 3p ids)
run 0 "why the third waits" "$dure" why "$third"
has out "Estimated start:"
has out "KST"
run 0 "as JSON" "$dure" why "$third" --json
has out '"state":"PENDING"'
run 0 "the listing" "$dure" jobs
has out "JOBID PARTITION NAME USER ST TIME NODES NODELIST(REASON)"
has out "(virtual)"
run 0 "hold" "$dure" hold "$third"
run 0 "is shown" "$dure" jobs "$third"
has out "(JobHeldUser)"
run 0 "release" "$dure" release "$third"
run 0 "cancel" "$dure" cancel "$third"
until_is "it is cancelled" state_is "$third" CANCELLED
run 1 "cancelled twice" "$dure" cancel "$third"

# Nodes, tenants, allotments.
run 0 "nodes" "$dure" nodes
has out "(virtual)"
node=$("$dure" nodes --json | sed -n 's/.*"name":"\([^"]*\)".*/\1/p')
run 0 "one node with its jobs" "$dure" nodes "$node"
has out " $(sed -n 1p ids) guaranteed"
run 0 "drain" "$dure" nodes drain --reason 'fan 3' "$node"
run 0 "is shown" "$dure" nodes --states draining
has out "fan 3"
run 0 "resume" "$dure" nodes resume "$node"
run 5 "no such node" "$dure" nodes nowhere-17
run 0 "tenants" "$dure" tenants
has out "home/"
run 0 "allotments" "$dure" allot
has out "home"
run 2 "a grant without hardware" "$dure" allot grant x --tenant home --gpus 1
has err "expected one of --group, --chain, and --owner with --model"
run 1 "a grant beyond what there is" "$dure" allot grant x --tenant home --group this-machine --gpus 2
printf 'name,tenant,group,gpus\na,home,this-machine,x\nb,,this-machine,1\n' >bad.csv
run 2 "a faulty CSV" "$dure" allot import bad.csv
has err "bad.csv:2:21: gpus: found 'x', expected a whole number"
has err "bad.csv:3:3: tenant: found nothing, expected a name"
run 0 "an allotment can end" "$dure" allot end home
printf 'name,tenant,group,level,cells\r\nfirst,home,this-machine,gpu,1\r\nsecond,home,this-machine,gpu,1\r\n' >good.csv
printf 'name,tenant,chain,level,cells\ntwo-1,home/nobody,this-machine,gpu,1\ntwo-2,home,nowhere,gpu,1\n' >two.csv
run 2 "a CSV with two faults that only the daemon knows" "$dure" allot import two.csv
has err "two.csv:2: this line was refused"
has err "two.csv:3: this line was refused"
run 0 "a CSV is checked" "$dure" allot import --preview good.csv
has out "2 allotments could be granted"
run 0 "and granted" "$dure" allot import good.csv
has out "2 allotments are granted"
run 0 "twice is once" "$dure" allot import good.csv
run 0 "as is shown" "$dure" allot --json
ok "two live ones" "$([ "$(grep -o '"state":"active"' "$work/out" | wc -l)" -eq 2 ]; echo $?)"
run 2 "shrinking to what it has" "$dure" allot shrink second --cells 1 --preview
has err "has 1 cells"
"$dure" cancel $(sed -n 1,2p ids) >/dev/null 2>&1
for _ in 1 2; do "$dure" submit --parsable --gpus 1 --wrap 'sleep 300' >>ids; done
until_is "jobs run on them" state_is "$(tail -1 ids)" RUNNING

# The record.
run 0 "the key" "$dure" audit key
cp "$work/out" key.txt
run 0 "a checkpoint" "$dure" audit checkpoint
cp "$work/out" old.note
run 0 "verify" "$dure" audit verify --key key.txt --checkpoint old.note
has out "The record holds"
has out "by the key from key.txt"
has out "the log begins with the tree of the older checkpoint"
sed 's/+[0-9a-f]*+.*/+00000000+AbU6fTbYXqSRQiJOtGKzhMyUSNAFnhxvkKd5ZGXNpSLF/' key.txt >wrong-key.txt
timeout 60 "$dure" audit verify --key wrong-key.txt >"$work/out" 2>"$work/err"
ok "another key is not believed" $(($? == 0))
run 0 "a record" "$dure" audit show 0
has out '"sequence":0'
run 0 "a proof" "$dure" audit proof 3
has err "Checked: leaf 3 is in the signed tree"
run 5 "no such leaf" "$dure" audit show 99999999
run 0 "events" "$dure" events --kind submit,end
has out "submit"
lacks out " pass "
run 2 "events of a kind that is none" "$dure" events --kind submit,frob
has err "--kind: found 'frob', expected kinds of records"
run 2 "erasing asks" "$dure" audit erase --job 2 </dev/null
has err "this cannot be undone; say --yes"
run 0 "erase" "$dure" audit erase --job 2 --fields script,environment --yes
run 0 "the record still verifies" "$dure" audit verify --key key.txt
run 0 "backup" "$dure" backup "$work/copy" --with-key
run 0 "restore" "$dure" restore "$work/copy" --state "$work/second"
has out "every digest the same"
run 0 "the copy verifies" "$dure" audit verify --offline --state "$work/second" --key key.txt
has out "those that the record commits to"
run 1 "not over a state" "$dure" restore "$work/copy" --state "$work/second"
# The script of job 3 stands beside the record: one byte of it changed.
at=$(grep -abo 'CLI_TEST' "$work/second/journal.db" | tail -1 | cut -d: -f1)
ok "there are personal fields to change" "$([ -n "$at" ]; echo $?)"
printf 'D' | dd of="$work/second/journal.db" bs=1 seek="${at:-0}" conv=notrunc 2>/dev/null
run 1 "a changed personal field is found" "$dure" audit verify --offline --state "$work/second" --key key.txt
has err "are not those that it commits to"

# Down, after the daemon was killed: jobs and all.
before=$(left)
ok "supervisors run" "$([ -n "$before" ]; echo $?)"
kill -9 "$("$dure" up --json --no-job 2>/dev/null | sed -n 's/.*"pid":\([0-9]*\).*/\1/p')"
until_is "the daemon is gone" bash -c "! '$dure' jobs >/dev/null 2>&1"
run 0 "down stops what a killed daemon left" "$dure" down
has err "it is started again to stop them"
has out "Stopped: 2 jobs"
ok "no process is left:$(left)" "$([ -z "$(left)" ]; echo $?)"
run 0 "verify offline" "$dure" audit verify --offline --key key.txt
run 0 "up goes on" "$dure" up --no-job
has out "is back in use"
"$dure" submit --gpus 1 --wrap 'sleep 300' >/dev/null
until_is "a job runs" bash -c "'$dure' jobs --no-header -o st | grep -q R"
run 0 "down, jobs kept" "$dure" down --keep-jobs
has out "1 job goes on to run under its supervisor"
ok "it runs" "$([ -n "$(left)" ]; echo $?)"
run 0 "up finds it" "$dure" up --no-job
until_is "still running" bash -c "'$dure' jobs --no-header -o st | grep -q R"
"$dure" submit --gpus 1 -o gone.txt --wrap 'echo short-lived' >/dev/null
until_is "its output is there" grep -q short-lived gone.txt
gone=$("$dure" jobs --all --json | grep -o '"job":[0-9]*' | tr -dc '0-9\n' | sort -n | tail -1)
until_is "it has ended" state_is "$gone" COMPLETED
rm gone.txt
run 5 "an output that was deleted" "$dure" logs "$gone"
has err "the output is gone: there is no file $work/here/gone.txt any more"
run 0 "down" "$dure" down
ok "no process is left at the end:$(left)" "$([ -z "$(left)" ]; echo $?)"

# A nation, emulated, with this machine in it.
export DURE_STATE=$work/nation
run 0 "up with the national fleet" "$dure" up --fleet "$source_root/examples/fleets/korea.yaml" --virtual-gpus 2
has out "with this machine as one real site in it"
has out "Hello from job 1"
has out "NOT SCHEDULABLE"
has out "emulated (no process runs)"
ok "the board fits 80 columns" "$(wc -L <"$work/out" | awk '{exit $1 > 80}'; echo $?)"
run 0 "down" "$dure" down
ok "no process is left of it:$(left)" "$([ -z "$(left)" ]; echo $?)"

echo "1..$count"
exit $((failed > 0))
