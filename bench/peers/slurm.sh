#!/bin/sh
# usage: bench/peers/slurm.sh BUILD [--jobs N] [--nodes N] [--json]
# Debian's real Slurm and dure on this machine, one after the other, on one seeded workload, both to a real launch: each job asks for 1 to 8 GPUs of a node of 8 and
# runs `true`. Jobs are submitted held, by each system's own command, then released at once; a system is done when its last job has ended.
#
#   slurm: slurmctld and one slurmd for each node (slurmd -N), its own munged; proctrack/linuxproc, task/none, select/cons_tres, gres/gpu on empty files, no
#          accounting, and the settings of its high throughput guide. Everything listens on 127.0.0.1.
#   dure:  dured with the journal on disk (fdatasync a batch) and the local engine: a dure-minder a job, as many nodes.
#
# Installs nothing: on Debian, `apt-get install slurmctld slurmd slurm-client munge`. Where they are missing it says so and exits with 77. Needs root, as slurmd does.
# Everything lies in one temporary folder, removed at the end with every process started here.
set -u
build=${1:?usage: bench/peers/slurm.sh BUILD [--jobs N] [--nodes N] [--json]}
shift
jobs=300 nodes=64 json=
while [ $# -gt 0 ]; do
    case $1 in
    --jobs) jobs=$2 && shift 2 ;;
    --nodes) nodes=$2 && shift 2 ;;
    --json) json=1 && shift ;;
    *) echo "slurm.sh: found '$1', expected --jobs N, --nodes N or --json" >&2 && exit 2 ;;
    esac
done
build=$(cd "$build" && pwd) || exit 2
for program in slurmctld slurmd sbatch scontrol squeue sinfo munged curl; do
    command -v "$program" >/dev/null || PATH=$PATH:/usr/sbin:/sbin
    command -v "$program" >/dev/null || {
        echo "skipped: $program is not here; on Debian: apt-get install slurmctld slurmd slurm-client munge curl" >&2
        exit 77
    }
done
[ "$(id -u)" -eq 0 ] || { echo "skipped: slurmd wants root" >&2; exit 77; }

work=$(mktemp -d)
pids=
finish() {
    # shellcheck disable=SC2086 # a list
    [ -z "$pids" ] || kill $pids 2>/dev/null
    for pid in $pids; do
        i=0
        while kill -0 "$pid" 2>/dev/null && [ $i -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
        kill -9 "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    if [ -n "${KEEP:-}" ]; then echo "kept: $work" >&2; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 1' INT TERM
fail() {
    echo "slurm.sh: $*" >&2
    exit 1
}
now() { date +%s.%N; }
seconds() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", b - a }'; }
rate() { awk -v n="$1" -v s="$2" 'BEGIN { printf "%.1f", n / s }'; }
until_true() { # tries, command...
    i=$1
    shift
    while ! "$@" >/dev/null 2>&1; do
        i=$((i - 1))
        [ $i -gt 0 ] || return 1
        sleep 0.1
    done
}
# One number of GPUs a line: seven in ten ask for one.
awk -v n="$jobs" 'BEGIN { srand(20260101); for (i = 0; i < n; i++) print (rand() < 0.7 ? 1 : 2 ^ (1 + int(rand() * 3))) }' >"$work/gpus"

# ---- Slurm ----

mkdir -m 755 "$work/slurm" "$work/slurm/gpu" "$work/slurm/state"
mkdir -m 755 "$work/munge"
chmod 755 "$work"
dd if=/dev/urandom of="$work/munge/key" bs=1024 count=1 2>/dev/null
chmod 400 "$work/munge/key"
munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" --log-file="$work/munge/log" \
    --seed-file="$work/munge/seed" --num-threads=4 2>/dev/null &
pids="$! $pids"
until_true 100 test -S "$work/munge/socket" || fail "munged does not start: $(cat "$work/munge/log")"
for i in 0 1 2 3 4 5 6 7; do : >"$work/slurm/gpu/$i"; done
port=$((20000 + $$ % 20000))
cat >"$work/slurm/slurm.conf" <<EOF
ClusterName=peer
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
CredType=cred/munge
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool.%n
SlurmctldPidFile=$work/slurm/slurmctld.pid
SlurmdPidFile=$work/slurm/slurmd.%n.pid
SlurmctldLogFile=$work/slurm/slurmctld.log
SlurmdLogFile=$work/slurm/slurmd.%n.log
SlurmctldDebug=error
SlurmdDebug=error
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=${SLURM_SCHEDULER_PARAMETERS:-batch_sched_delay=1,sched_min_interval=0,default_queue_depth=10000,partition_job_depth=0,bf_interval=30,bf_max_job_test=1000,max_rpc_cnt=150}
PriorityType=priority/basic
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/none
MaxJobCount=200000
MinJobAge=300
MessageTimeout=60
SlurmdTimeout=300
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
EOF
{
    i=0
    while [ $i -lt "$nodes" ]; do
        i=$((i + 1))
        echo "NodeName=n$i NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + i)) CPUs=8 RealMemory=1024 Gres=gpu:8 State=UNKNOWN"
    done
    echo "PartitionName=all Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP"
} >>"$work/slurm/slurm.conf"
echo "NodeName=n[1-$nodes] Name=gpu File=$work/slurm/gpu/[0-7]" >"$work/slurm/gres.conf"
printf 'CgroupPlugin=autodetect\n' >"$work/slurm/cgroup.conf"
export SLURM_CONF="$work/slurm/slurm.conf"
slurmctld -D -i >"$work/slurm/slurmctld.out" 2>&1 &
pids="$! $pids"
slurmd_pids=
i=0
while [ $i -lt "$nodes" ]; do
    i=$((i + 1))
    mkdir "$work/slurm/spool.n$i"
    slurmd -D -N "n$i" >>"$work/slurm/slurmd.out" 2>&1 &
    slurmd_pids="$! $slurmd_pids"
done
pids="$slurmd_pids $pids"
idle() { [ "$(sinfo -h -N -t idle -o %n | wc -l)" -eq "$nodes" ]; }
until_true 600 idle || fail "slurm: $(sinfo -h -N -t idle -o %n | wc -l) of $nodes nodes are up after 60 s: $(tail -3 "$work/slurm/slurmctld.log" "$work/slurm/slurmctld.out" "$work/slurm/slurmd.out" 2>/dev/null)"
version=$(sinfo --version)

printf '#!/bin/sh\nexec true\n' >"$work/true.sh"
begin=$(now)
first=
while read -r gpus; do
    id=$(sbatch --parsable --hold --ntasks=1 --gres="gpu:$gpus" --cpus-per-task="$gpus" --output=/dev/null --chdir=/ "$work/true.sh") || fail "sbatch: $id"
    [ -n "$first" ] || first=$id
done <"$work/gpus"
submitted=$(now)
# squeue's list of what has not ended
left() { squeue -h -t all -o %T | grep -c -v COMPLETED; }
# shellcheck disable=SC2317 # until_true calls it
done_all() { [ "$(left)" -eq 0 ]; }
scontrol release "$first-$id" 2>"$work/slurm/release" || scontrol release "$(seq -s , "$first" "$id")" || fail "scontrol release: $(cat "$work/slurm/release")"
released=$(now)
until_true 6000 done_all || fail "slurm: $(left) jobs have not completed after 600 s"
ended=$(now)
slurm_submit=$(rate "$jobs" "$(seconds "$begin" "$submitted")")
slurm_start=$(rate "$jobs" "$(seconds "$submitted" "$ended")")
echo "# slurm: release took $(seconds "$submitted" "$released") s" >&2
# shellcheck disable=SC2086 # a list
kill $pids
wait 2>/dev/null
pids=

# ---- dure ----

cat >"$work/fleet.yaml" <<EOF
kind: Fleet
version: 1
name: peer
models: [{name: gpu, virtual: true}]
owners: [{name: here}]
sites: [{name: here, engine: local}]
groups:
  - {name: n, owner: here, site: here, model: gpu, nodes: 'n[1-$nodes]', cpus: 8, memory: 8GiB, levels: [{name: node, holds: 8}]}
EOF
cat >"$work/tenants.yaml" <<EOF
kind: Tenants
version: 1
tenants: [{name: here, owner: here}]
allotments: [{name: all, tenant: here, group: n, level: node, count: $nodes}]
EOF
export DURE_SOCKET="$work/dured.sock"
"$build/dured" --foreground --state "$work/dure" --socket "$DURE_SOCKET" --fleet "$work/fleet.yaml" --tenants "$work/tenants.yaml" 2>"$work/dured.log" &
pids="$!"
until_true 100 curl -fs --unix-socket "$DURE_SOCKET" http://dured/healthz || fail "dured does not start: $(tail -3 "$work/dured.log")"
begin=$(now)
first=
while read -r gpus; do
    id=$("$build/dure" submit --parsable --hold --ntasks=1 --gres="gpu:$gpus" --output=/dev/null --chdir=/ "$work/true.sh" 2>"$work/said") || fail "dure submit: $(cat "$work/said")"
    [ -n "$first" ] || first=$id
done <"$work/gpus"
submitted=$(now)
count() { curl -fs --unix-socket "$DURE_SOCKET" http://dured/metrics | sed -n "s/^$1 //p"; }
# shellcheck disable=SC2317 # until_true calls it
done_all() { [ "$(count dure_jobs_ended_total)" -eq "$jobs" ]; }
# shellcheck disable=SC2046 # numbers
"$build/dure" release $(seq "$first" "$id") >"$work/release" || fail "dure release: $(tail -1 "$work/release")"
released=$(now)
until_true 6000 done_all || fail "dure: $(count dure_jobs_ended_total) of $jobs jobs have ended after 600 s"
ended=$(now)
dure_submit=$(rate "$jobs" "$(seconds "$begin" "$submitted")")
dure_start=$(rate "$jobs" "$(seconds "$submitted" "$ended")")
echo "# dure: release took $(seconds "$submitted" "$released") s" >&2
good=$("$build/dure" jobs --ended --no-header --format state --limit "$jobs" | grep -c COMPLETED)
[ "$good" -eq "$jobs" ] || fail "dure: $good of $jobs jobs have completed: $("$build/dure" show "$first" | tail -5)"

ratio=$(awk -v d="$dure_start" -v s="$slurm_start" 'BEGIN { printf "%.2f", d / s }')
submit_ratio=$(awk -v d="$dure_submit" -v s="$slurm_submit" 'BEGIN { printf "%.2f", d / s }')
if [ -n "$json" ]; then
    echo "{\"peer\":\"$version\",\"nodes\":$nodes,\"jobs\":$jobs,\"slurm\":{\"submits_per_s\":$slurm_submit,\"per_s\":$slurm_start},\"dure\":{\"submits_per_s\":$dure_submit,\"per_s\":$dure_start},\"ratio\":$ratio,\"submit_ratio\":$submit_ratio}"
else
    printf '%s jobs on %s nodes of 8 GPUs, released at once, both to a real launch and its end:\n' "$jobs" "$nodes"
    printf '%-14s %10s %22s\n' '' 'jobs/s' 'submissions/s (CLI)'
    printf '%-14s %10s %22s\n' "$version" "$slurm_start" "$slurm_submit" dure "$dure_start" "$dure_submit" ratio "$ratio" "$submit_ratio"
fi
