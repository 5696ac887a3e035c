#!/bin/sh
# usage: bench/peers/reconcile-slurm.sh BUILD [--jobs N] [--json]
# How long a dured that is started again takes to know what became of N jobs (default 10000) that live in a real Slurm: it is killed, one of them is ended
# in Slurm meanwhile, and the time runs from its start until that end is recorded, which is when the whole of squeue's list has been read and judged.
# slurmctld and a slurmd for each node are real, and so are the list and every job in it: RUNNING, on its node, with a GPU of its own. Only their processes
# are not, since N of them would be more than a machine holds: in place of sbatch its sibling salloc takes the same words, with --no-shell.
# The jobs are given by dured, N/64 nodes of 64 GPUs; that takes minutes. Installs nothing: where a program is missing it says so and exits with 77. Needs root.
set -u
build=${1:?usage: bench/peers/reconcile-slurm.sh BUILD [--jobs N] [--json]}
shift
jobs=10000 json=
while [ $# -gt 0 ]; do
    case $1 in
    --jobs) jobs=$2 && shift 2 ;;
    --json) json=1 && shift ;;
    *) echo "reconcile-slurm.sh: found '$1', expected --jobs N or --json" >&2 && exit 2 ;;
    esac
done
build=$(cd "$build" && pwd) || exit 2
root=$(cd "$(dirname "$0")/../.." && pwd)
cluster=$root/examples/slurm/cluster
nodes=$(((jobs + 63) / 64))
work=$(mktemp -d)
chmod 755 "$work"
daemon=
finish() {
    [ -z "$daemon" ] || { kill -9 "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null; }
    for process in $("$cluster" daemons "$work/many" 2>/dev/null | cut -d' ' -f2); do kill -9 "$process" 2>/dev/null; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM
fail() {
    echo "reconcile-slurm.sh: $*" >&2
    exit 1
}
now() { date +%s%N; }
"$cluster" start many "$work/many" "$nodes" 64 --set PrologFlags=Serial --set SlurmctldDebug=error --set SlurmdDebug=error --set SlurmdTimeout=0 \
    --set SchedulerParameters=batch_sched_delay=1,default_queue_depth=100,bf_interval=300 >&2
status=$?
[ $status -eq 0 ] || exit $status
mkdir "$work/bin"
for program in squeue sinfo scontrol scancel; do ln -s "$(command -v $program)" "$work/bin/$program"; done
cat >"$work/bin/sbatch" <<'END'
#!/bin/sh
for word; do
    shift
    case $word in
    --parsable | --ignore-pbs | --export=* | --input=* | --output=* | --error=* | --open-mode=* | --requeue | --no-requeue) ;;
    *) set -- "$@" "$word" ;;
    esac
done
said=$(salloc --no-shell "$@" 2>&1) || { echo "$said" >&2 && exit 1; }
said=${said#*ranted job allocation }
echo "${said%%[!0-9]*}"
END
chmod 755 "$work/bin/sbatch"
export DURE_STATE="$work/state" DURE_SOCKET="$work/s"
PATH=$build:$PATH
cat >"$work/fleet.yaml" <<END
kind: Fleet
version: 1
name: many
models: [{name: h100, memory: 80GiB, power: 700W, nvlink: node}]
owners: [{name: us}]
sites: [{name: many, engine: slurm, slurm: {commands: {path: $work/bin, conf: $work/many/slurm.conf}, poll: 1s}}]
groups: [{name: many, owner: us, site: many, model: h100, nodes: 'many-[1-$nodes]', levels: [{name: node, holds: 64}], cpus: 128, memory: 64GiB, status: installed}]
END
cat >"$work/tenants.yaml" <<END
kind: Tenants
version: 1
tenants: [{name: us, owner: us}]
allotments: [{name: all, tenant: us, group: many, level: node, count: $nodes}]
roles: [{login: $(id -un), role: operator}]
END
up() {
    dured --foreground --log "$work/log" --state "$DURE_STATE" --socket "$DURE_SOCKET" --fleet "$work/fleet.yaml" --tenants "$work/tenants.yaml" &
    daemon=$!
}
until_true() { # SECONDS COMMAND...
    last=$(($(now) / 1000000000 + $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        [ $(($(now) / 1000000000)) -le "$last" ] || return 1
        sleep "${pause:-0.5}"
    done
}
nodes_up() { dure nodes --json 2>/dev/null | grep -q '"state":"up"'; }
in_slurm() { SLURM_CONF=$work/many/slurm.conf squeue -h -t running -o %j | grep -c '^dure-'; }
all_there() { [ "$(in_slurm)" -eq "$jobs" ]; }
up
until_true 60 nodes_up || fail "the daemon does not see the cluster: $(tail -3 "$work/log")"
printf 'kind: Job\nversion: 1\narray: 1-%s\nwalltime: 5h\nstdout: /dev/null\ncommand: [sleep, "9000"]\n' "$jobs" >"$work/many.yaml"
before=$(now)
number=$(dure submit --parsable "$work/many.yaml") || fail "dure submit"
pause=2 until_true 3600 all_there || fail "$(in_slurm) of $jobs jobs are in Slurm after an hour: $(tail -3 "$work/log")"
given_s=$((($(now) - before) / 1000000000))
running() { dure jobs --no-header -o state -n 1 2>/dev/null | grep -q RUNNING; }
until_true 60 running || fail "nothing runs for dure"
sleep 20

# ---- what the list itself costs ----

children_ms() { awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, part, /[ms]/); all += part[1] * 60000 + part[2] * 1000 } print int(all) }' "$work/times"; }
times >"$work/times"
spent_before=$(children_ms) before=$(now)
SLURM_CONF=$work/many/slurm.conf squeue --json >"$work/list" || fail "squeue"
times >"$work/times"
list_cpu_ms=$(($(children_ms) - spent_before))
list_ms=$((($(now) - before) / 1000000)) list_mib=$(($(wc -c <"$work/list") >> 20))
rm "$work/list"

# ---- killed, and started again ----

kill -9 "$daemon"
wait "$daemon" 2>/dev/null
name=$(SLURM_CONF=$work/many/slurm.conf squeue -h -o %j | grep -- "-${number}_$((jobs / 2))-")
SLURM_CONF=$work/many/slurm.conf scancel --jobname="$name" || fail "scancel"
ended() { dure jobs --all --no-header -o state "${number}_$((jobs / 2))" 2>/dev/null | grep -qE 'CANCELLED|COMPLETED|FAILED'; }
submitted() { SLURM_CONF=$work/many/slurm.conf scontrol show job -o | wc -l; }
jobs_before=$(submitted)
before=$(now)
up
pause=0.02 until_true 60 curl -fs --unix-socket "$DURE_SOCKET" http://dured/healthz || fail "the daemon does not come up: $(tail -3 "$work/log")"
recovered_ms=$((($(now) - before) / 1000000))
pause=0.05 until_true 120 ended || fail "the end of ${number}_$((jobs / 2)) is not known: $(tail -3 "$work/log")"
known_ms=$((($(now) - before) / 1000000))
spent_ms=$(awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / tick) }' "/proc/$daemon/stat")
sleep 15
[ "$(submitted)" -eq "$jobs_before" ] || fail "$(($(submitted) - jobs_before)) were handed over again"
[ "$(in_slurm)" -eq $((jobs - 1)) ] || fail "$(in_slurm) of $((jobs - 1)) still run"
lost=$(dure jobs --ended -n 10 --no-header 2>/dev/null | wc -l)
[ "$lost" -eq 1 ] || fail "$lost have ended for dure, expected the one"
version=$(SLURM_CONF=$work/many/slurm.conf sinfo --version)
if [ -n "$json" ]; then
    printf '{"slurm":"%s","jobs":%s,"given_s":%s,"list_ms":%s,"list_cpu_ms":%s,"list_mib":%s,"recovered_ms":%s,"reconciled_ms":%s,"dured_cpu_ms":%s}\n' "$version" "$jobs" "$given_s" "$list_ms" "$list_cpu_ms" "$list_mib" "$recovered_ms" "$known_ms" "$spent_ms"
else
    echo "$version: $jobs jobs run there, given in $given_s s; squeue --json lists them in $list_ms ms ($list_cpu_ms ms of processor), $list_mib MiB"
    echo "dured, killed and started again: its own record after $recovered_ms ms, what became of each after $known_ms ms ($spent_ms ms of processor of its own); none was given up, none handed over again"
fi
