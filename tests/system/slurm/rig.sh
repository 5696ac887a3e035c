# shellcheck shell=bash disable=SC2034 # for those who source it
# Real Slurm clusters and one dured over them: `. rig.sh BUILD SOURCE`, then rig_cluster, rig_fleet, rig_up. Everything is ended at exit.
set -u
build=$1 source_root=$2
PATH=$build:$PATH:/usr/sbin:/sbin
count=0 failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/dure-slurm-XXXXXX")
chmod 755 "$work" # jobs of others write below it
export DURE_STATE=$work/state DURE_SOCKET=$work/s HOME=$work TZ=UTC LC_ALL=C.UTF-8
unset XDG_RUNTIME_DIR NO_COLOR COLUMNS SLURM_CONF
cluster=$source_root/examples/slurm/cluster
clusters="" sites="" groups="" allots="" rig_site_more="" rig_slurm_more=""
rig_under=(env)    # what the daemon is started by
rig_local_more="" # of the local site
mkdir "$work/here"
cd "$work/here" || exit 1

rig_end() {
    timeout 20 dure down >/dev/null 2>&1
    [ -n "${dured_pid:-}" ] && kill -9 "$dured_pid" 2>/dev/null
    for name in $clusters; do
        for daemon in $("$cluster" daemons "$work/$name" 2>/dev/null | cut -d' ' -f2 | tr -d ,); do kill -CONT "$daemon" 2>/dev/null; done
        "$cluster" stop "$work/$name" >/dev/null 2>&1
    done
    rm -rf "$work"
}
trap rig_end EXIT
trap 'exit 130' INT TERM

ok() { # ok WORDS STATUS
    count=$((count + 1))
    if [ "$2" -eq 0 ]; then echo "ok $count - $1"; else
        echo "not ok $count - $1"
        failed=$((failed + 1))
        { cat "$work/out" "$work/err"; dure jobs --all 2>&1; dure nodes 2>&1; tail -5 "$work/dured.log"; } 2>/dev/null | tail -40 | sed 's/^/# /'
    fi
}
run() { # run EXIT WORDS COMMAND...
    local want=$1 words=$2 got
    shift 2
    timeout 60 "$@" >"$work/out" 2>"$work/err"
    got=$?
    ok "$words (exit $got, wanted $want)" $((got != want))
}
has() { tr -s ' \n' ' ' <"$work/$1" | grep -qF -- "$2"; ok "$1 has: $2" $?; }
is() { [ "$2" = "$3" ]; ok "$1: $2, wanted $3" $?; }
within() { # within SECONDS WORDS COMMAND...: where nothing else runs; three times as long is waited
    local last=$((SECONDS + 3 * $1)) words=$2
    shift 2
    while [ $SECONDS -le "$last" ]; do
        if "$@" >/dev/null 2>&1; then ok "$words" 0; return; fi
        if [ -n "${dured_pid:-}" ] && ! kill -0 "$dured_pid" 2>/dev/null; then
            echo "Bail out! the daemon is dead: $(tail -1 "$work/dured.log")"
            exit 1
        fi
        sleep 0.1
    done
    ok "$words" 1
}
done_testing() {
    echo "1..$count"
    exit $((failed > 0))
}

rig_cluster() { # rig_cluster NAME [arguments of cluster start]...
    local name=$1 status
    shift
    "$cluster" start "$name" "$work/$name" "$@" >"$work/out" 2>"$work/err"
    status=$?
    if [ $status -eq 77 ]; then
        echo "1..0 # SKIP $(head -1 "$work/err")"
        exit 0
    fi
    clusters="$clusters $name"
    [ $status -eq 0 ] && return
    cat "$work/out" "$work/err" >&2
    echo "Bail out! the cluster $name does not start"
    exit 1
}
# rig_site NAME commands|rest|http [NODES] [GPUS]: a cluster that was started, as a site of its own owner, all of it promised to its project `a`.
rig_site() {
    local name=$1 nodes=${3:-2} gpus=${4:-4} way
    eval "$("$cluster" env "$work/$name")"
    case $2 in
    commands) way="commands: {conf: $work/$name/slurm.conf}" ;;
    rest) way="submit_as: daemon, rest: {url: 'unix:$REST_SOCKET'}" ;;
    http) way="rest: {url: '$REST_URL', token_file: $REST_TOKEN_FILE, user: root}" ;;
    esac
    unset SLURM_CONF
    sites="$sites  - {name: $name, engine: slurm, ${rig_site_more:-}slurm: {$way, poll: 1s${rig_slurm_more:-}}}"$'\n'
    groups="$groups  - {name: $name, owner: $name, site: $name, model: h100, nodes: '$name-[1-$nodes]', levels: [{name: node, holds: $gpus}], cpus: 8, memory: 4GiB, status: installed}"$'\n'
    allots="$allots  - {name: all-$name, tenant: $name/a, group: $name, level: node, count: $nodes}"$'\n'
}
rig_fleet() { # rig_fleet OWNER...: of the sites so far, with this machine's local site of two virtual GPUs
    {
        printf 'kind: Fleet\nversion: 1\nname: rig\nmodels:\n  - {name: h100, memory: 80GiB, power: 700W, nvlink: node}\n'
        printf '  - {name: slot, virtual: true, memory: 1GiB}\nowners: [{name: here}'
        for owner; do printf ', {name: %s}' "$owner"; done
        printf ']\nsites:\n%s  - {name: here, engine: local%s}\ngroups:\n%s' "$sites" "$rig_local_more" "$groups"
        printf '  - {name: here, owner: here, site: here, model: slot, nodes: here, levels: [{name: node, holds: 2}], cpus: 2, memory: 2GiB, status: installed}\n'
    } >"$work/fleet.yaml"
    {
        printf 'kind: Tenants\nversion: 1\ntenants:\n  - {name: here, owner: here, tenants: [{name: a}]}\n'
        for owner; do printf '  - {name: %s, owner: %s, tenants: [{name: a}, {name: b}]}\n' "$owner" "$owner"; done
        printf 'allotments:\n%s  - {name: all-here, tenant: here/a, group: here, level: node, count: 1}\nlending:\n' "$allots"
        for owner; do printf '  - {owner: %s, notice: 1m, to: all}\n' "$owner"; done
        printf 'roles:\n  - {login: %s, role: operator}\n' "$(id -un)"
    } >"$work/tenants.yaml"
}
rig_up() {
    "${rig_under[@]}" dured --foreground --log "$work/dured.log" --state "$DURE_STATE" --socket "$DURE_SOCKET" --fleet "$work/fleet.yaml" --tenants "$work/tenants.yaml" \
        >"$work/out" 2>"$work/err" &
    dured_pid=$!
    for _ in $(seq 200); do
        dure version --json 2>/dev/null | grep -q '"health":"ok"' && break
        sleep 0.05
    done
    ok "the daemon runs" $?
}
rig_kill() { # the daemon, at once
    kill -9 "$dured_pid"
    wait "$dured_pid" 2>/dev/null
    dured_pid=
}
state() { dure jobs --all --no-header -o state "$1" 2>/dev/null | head -1; }
state_is() { [ "$(state "$1")" = "$2" ]; }
submit() { # prints the job's number
    dure submit --parsable "$@" 2>>"$work/err"
}
slurm() { # slurm CLUSTER COMMAND...: on Slurm's own side
    local name=$1
    shift
    SLURM_CONF=$work/$name/slurm.conf "$@"
}
jobs_of() { slurm "$1" squeue -h -t "${2:-all}" -o %j | grep -c '^dure-'; } # ours, in a state
foreign_on() { dure nodes --json 2>/dev/null | tr '{' '\n' | sed -n "s/.*\"name\":\"$1\".*\"foreign\":\([0-9]*\).*/\1/p"; }
foreign_is() { [ "$(foreign_on "$1")" = "$2" ]; }
node_states() { dure nodes --json 2>/dev/null | tr '{' '\n' | sed -n "s/.*\"name\":\"$1-[0-9]*\".*\"state\":\"\([a-z]*\)\".*/\1/p" | sort -u; }
nodes_are() { [ "$(node_states "$1")" = "$2" ]; } # all of a site's
running_is() { [ "$(jobs_of "$1" running)" -eq "$2" ]; }
# Each job leaves a line when it begins: one that began twice leaves two.
once() { submit -A "$1/a" --gpus 1 --wrap "echo begun >>'$work/here/ran-$2'; sleep ${3:-0.2}"; }
ran_once() { # of the jobs of a kind, each once
    local file
    for file in "$work/here/ran-$1"-*; do [ "$(wc -l <"$file")" = 1 ] || return 1; done
    [ "$(ls "$work/here/ran-$1"-* | wc -l)" -eq "$2" ]
}
all_ended() { [ "$(dure jobs --no-header 2>/dev/null | wc -l)" -eq 0 ]; }
daemon_pid() { "$cluster" daemon "$work/$1" pid "$2"; }
