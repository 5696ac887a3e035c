#!/bin/sh
# usage: bench/peers/through-slurm.sh BUILD [--jobs N] [--turns N] [--rounds N] [--via commands|rest] [--at-a-time P] [--json]
# Real Slurm by itself, and the same Slurm under dure, on this machine in one run (examples/slurm/cluster: 4 nodes of 8 GPUs; N jobs of one GPU that do nothing):
#   start:  plain, from calling sbatch to the job's first instruction; through dure, from the core's decision to it; taken in turn, N rounds, p50.
#   many:   plain, N calls of sbatch, P at a time, until the last job has ended; through dure, one array of N elements, until the last is known to have ended.
#           Each on a cluster that was just started, so that neither pays for what slurmctld remembers of the other's; in turn, --turns times (3), the
#           medians, and the ratio of each turn; and the milliseconds of processor that all of it took, where a control group can be made to count them.
#   idle:   requests of a site where nothing of ours is, in 20 s: as dured counts them, and the messages that slurmctld's sdiag counts.
# Installs nothing: where a program is missing it says so and exits with 77. Needs root.
set -u
build=${1:?usage: bench/peers/through-slurm.sh BUILD [--jobs N] [--turns N] [--rounds N] [--via commands|rest] [--at-a-time P] [--json]}
shift
jobs=1000 turns=3 rounds=40 via=commands json="" at_a_time=2
while [ $# -gt 0 ]; do
    case $1 in
    --jobs) jobs=$2 && shift 2 ;;
    --turns) turns=$2 && shift 2 ;;
    --rounds) rounds=$2 && shift 2 ;;
    --via) via=$2 && shift 2 ;;
    --at-a-time) at_a_time=$2 && shift 2 ;;
    --json) json=1 && shift ;;
    *) echo "through-slurm.sh: found '$1', expected --jobs N, --turns N, --rounds N, --via commands|rest, --at-a-time P or --json" >&2 && exit 2 ;;
    esac
done
build=$(cd "$build" && pwd) || exit 2
root=$(cd "$(dirname "$0")/../.." && pwd)
cluster=$root/examples/slurm/cluster
work=$(mktemp -d)
chmod 755 "$work"
daemon="" group=""
end_daemon() {
    [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }
    daemon=
}
finish() {
    end_daemon
    "$cluster" stop "$work/peer" >/dev/null 2>&1
    if [ -n "$group" ]; then
        while read -r process; do echo "$process" >"${group%/*}/tasks"; done <"$group/tasks" 2>/dev/null
        rmdir "$group" 2>/dev/null
    fi
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM
fail() {
    echo "through-slurm.sh: $*" >&2
    exit 1
}
now() { date +%s%N; }
median() { sort -n | awk '{ at[NR] = $1 } END { print NR ? at[int((NR + 1) / 2)] : -1 }'; }
# All that is started from here on is counted, and nothing of others: version 1 of control groups, since 2 may forbid it.
for folder in /sys/fs/cgroup/cpuacct "/sys/fs/cgroup/cpu,cpuacct"; do
    [ -z "$group" ] && mkdir "$folder/through-slurm-$$" 2>/dev/null && group=$folder/through-slurm-$$
done
[ -z "$group" ] || echo $$ >"$group/tasks" || group=
spent_ms() { if [ -n "$group" ]; then echo $(($(cat "$group/cpuacct.usage") / 1000000)); else echo 0; fi; }
begin_cluster() {
    "$cluster" stop "$work/peer" >/dev/null 2>&1
    rm -rf "$work/peer"
    "$cluster" start peer "$work/peer" 4 8 --restd --set SlurmctldDebug=error --set SlurmdDebug=error \
        --set SchedulerParameters=batch_sched_delay=1,sched_min_interval=0,default_queue_depth=10000,bf_interval=1,bf_max_job_test=1000 >&2
    status=$?
    [ $status -eq 0 ] || exit $status
}
begin_cluster
export DURE_STATE="$work/state" DURE_SOCKET="$work/s"
PATH=$build:$PATH
case $via in
commands) way="commands: {conf: $work/peer/slurm.conf}" ;;
rest) way="submit_as: daemon, rest: {url: 'unix:$work/peer/restd.sock'}" ;;
*) fail "--via: found '$via', expected commands or rest" ;;
esac
cat >"$work/fleet.yaml" <<END
kind: Fleet
version: 1
name: peer
models: [{name: h100, memory: 80GiB, power: 700W, nvlink: node}]
owners: [{name: us}]
sites: [{name: peer, engine: slurm, slurm: {$way}}]
groups: [{name: peer, owner: us, site: peer, model: h100, nodes: 'peer-[1-4]', levels: [{name: node, holds: 8}], cpus: 8, memory: 4GiB, status: installed}]
END
cat >"$work/tenants.yaml" <<END
kind: Tenants
version: 1
tenants: [{name: us, owner: us}]
allotments: [{name: all, tenant: us, group: peer, level: node, count: 4}]
roles: [{login: $(id -un), role: operator}]
END
begin_daemon() {
    rm -rf "$DURE_STATE"
    # A session of its own, as a service has and each daemon of the cluster: where the kernel divides processors among sessions, it has its part.
    setsid dured --foreground --log "$work/log" --state "$DURE_STATE" --socket "$DURE_SOCKET" --fleet "$work/fleet.yaml" --tenants "$work/tenants.yaml" &
    daemon=$!
    i=0
    until dure nodes --json 2>/dev/null | grep -q '"state":"up"'; do
        i=$((i + 1))
        [ $i -lt 200 ] || fail "the daemon does not see the cluster: $(tail -3 "$work/log")"
        sleep 0.1
    done
    sleep 3
}
begin_daemon

# ---- start ----

cd "$work" || exit 1
# shellcheck disable=SC2016 # the script is to expand it
printf '#!/bin/sh\nexec date +%%s%%N >"$WHERE"\n' >date.sh
printf 'kind: Job\nversion: 1\ncommand: [sh, -c, "exec date +%%s%%N >begun"]\n' >date.yaml
i=0
: >plain.ns
: >ours.ns
while [ $i -lt "$rounds" ]; do
    i=$((i + 1))
    rm -f begun
    before=$(now)
    WHERE=$work/begun SLURM_CONF=$work/peer/slurm.conf sbatch -w peer-1 -n1 --gres=gpu:1 --cpus-per-task=1 --mem=512 -o /dev/null date.sh >/dev/null || fail "sbatch"
    until [ -s begun ]; do sleep 0.02; done
    echo $(($(cat begun) - before)) >>plain.ns
    sleep 0.4
    rm -f begun
    number=$(dure submit --parsable date.yaml) || fail "dure submit"
    until [ -s begun ]; do sleep 0.02; done
    decided=$(dure show "$number" --json | sed -n 's/.*"started":"\([^"]*\)".*/\1/p' | head -1)
    echo $(($(cat begun) - $(date -d "$decided" +%s%N))) >>ours.ns
    sleep 0.4
done
plain_us=$(($(median <plain.ns) / 1000)) ours_us=$(($(median <ours.ns) / 1000))

# ---- many ----

printf '#!/bin/sh\nexec true\n' >true.sh
live() { SLURM_CONF=$work/peer/slurm.conf squeue -h -t pending,running,completing -o %i | head -1; }
ours() { curl -fs --unix-socket "$DURE_SOCKET" "http://dured/v1/jobs?state=$1&limit=1" | grep -o '"job":[0-9]*'; } # STATE
printf 'kind: Job\nversion: 1\narray: 1-%s\nstdout: /dev/null\ncommand: ["true"]\n' "$jobs" >many.yaml
turn=0 done_count=0
while [ $turn -lt "$turns" ]; do
    turn=$((turn + 1))
    end_daemon
    begin_cluster
    spent=$(spent_ms) before=$(now)
    seq "$jobs" | SLURM_CONF=$work/peer/slurm.conf xargs -P "$at_a_time" -n 1 sbatch -n1 --gres=gpu:1 --cpus-per-task=1 --mem=512 -o /dev/null true.sh >/dev/null || fail "sbatch"
    until [ -z "$(live)" ]; do sleep 0.2; done
    took_ms=$((($(now) - before) / 1000000))
    echo "$took_ms" $(($(spent_ms) - spent)) >>plain.many
    begin_cluster
    begin_daemon
    spent=$(spent_ms) before=$(now)
    number=$(dure submit --parsable many.yaml) || fail "dure submit"
    # Not before it can be over, and seldom while much waits: asking takes processors too.
    sleep $((took_ms * 8 / 10000))
    until [ -z "$(ours pending)" ]; do sleep 1; done
    until [ -z "$(ours live)" ]; do sleep 0.2; done
    echo $((($(now) - before) / 1000000)) $(($(spent_ms) - spent)) >>ours.many
    done_count=$((done_count + $(dure jobs --ended -n 5000 --json | tr '{' '\n' | grep "\"job\":$number," | grep -c COMPLETED)))
done
plain_many_ms=$(cut -d' ' -f1 plain.many | median) plain_spent_ms=$(cut -d' ' -f2 plain.many | median)
ours_many_ms=$(cut -d' ' -f1 ours.many | median) ours_spent_ms=$(cut -d' ' -f2 ours.many | median)
ratios=$(paste -d' ' ours.many plain.many | awk '{ printf "%s%.3f", (NR > 1 ? " " : ""), $1 / $3 }')

# ---- idle ----

asked() { dure version --json | sed -n 's/.*asked \([0-9]*\) times.*/\1/p' | head -1; }
# Of people and programs, without sdiag's own.
heard() { SLURM_CONF=$work/peer/slurm.conf sdiag | awk '/^Remote Procedure Call statistics by user/ { exit } /REQUEST_/ && !/REQUEST_STATS_INFO/ { sub(/.*count:/, ""); n += $1 } END { print n + 0 }'; }
sleep 8
first=$(asked) first_heard=$(heard)
sleep 20
idle_per_20s=$(($(asked) - first)) idle_heard=$(($(heard) - first_heard))
version=$(SLURM_CONF=$work/peer/slurm.conf sinfo --version)
if [ -n "$json" ]; then
    printf '{"slurm":"%s","via":"%s","start_plain_p50_us":%s,"start_dure_p50_us":%s,"start_more_us":%s,"jobs":%s,"ended":%s,"many_plain_ms":%s,"many_dure_ms":%s,"many_ratio":%s,"many_ratios":[%s],"many_plain_cpu_ms":%s,"many_dure_cpu_ms":%s,"idle_requests_per_20s":%s,"idle_messages_per_20s":%s}\n' \
        "$version" "$via" "$plain_us" "$ours_us" $((ours_us - plain_us)) "$jobs" "$done_count" "$plain_many_ms" "$ours_many_ms" \
        "$(awk -v a="$ours_many_ms" -v b="$plain_many_ms" 'BEGIN { printf "%.3f", a / b }')" "$(echo "$ratios" | tr ' ' ,)" "$plain_spent_ms" "$ours_spent_ms" "$idle_per_20s" "$idle_heard"
else
    echo "$version, by $via; dure's first instruction after its decision $((ours_us / 1000)) ms at p50, sbatch's after the call $((plain_us / 1000)) ms"
    echo "$jobs jobs: through dure $ours_many_ms ms, directly $plain_many_ms ms (medians of $turns; $ratios times as long; $done_count completed); processor, of all of it: $ours_spent_ms against $plain_spent_ms ms"
    echo "an idle site: $idle_per_20s requests in 20 s, $idle_heard messages to slurmctld"
fi
