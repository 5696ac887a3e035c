#!/bin/sh
# usage: discover_test.sh DURE DURED CLUSTER
# `dure fleet discover` and `dure site check` against a real Slurm: what is discovered can be applied as it stands, and a bad configuration is told.
# shellcheck disable=SC2317 # functions are called by tap_ok
set -u
dure=$1 dured=$2 cluster=$3
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../../tap.sh"
work=$(mktemp -d)
chmod 755 "$work"
daemon=
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null
    [ ! -f "$work/east/settings" ] || "$cluster" stop "$work/east"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM
until_true() { # command...: two minutes, for busy machines
    tries=2400
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}

"$cluster" start east "$work/east" 5 4 --topology --restd --set PriorityType=priority/multifactor --set MinJobAge=2 >"$work/said" 2>&1
case $? in
0) ;;
77) echo "1..0 # SKIP $(cat "$work/said")" && exit 0 ;;
*) echo "Bail out! $(cat "$work/said")" && exit 1 ;;
esac
export DURE_SOCKET="$work/dured.sock" DURE_STATE="$work/state"
SLURM_CONF=$work/east/slurm.conf scontrol update NodeName=east-2 State=DRAIN Reason="fan 3 fails"
eval "$("$cluster" env "$work/east" | sed 's/^export //')"

discovered() { "$dure" fleet discover east --slurm-conf "$work/east/slurm.conf" --owner nat >"$work/east.yaml" 2>"$work/said"; }
tap_ok "discovered by the commands" discovered
tap_has "its nodes, by racks" "$(cat "$work/east.yaml")" "nodes: 'east-[1-4]'"
tap_has "its racks" "$(cat "$work/east.yaml")" "{name: rack, holds: 2}"
tap_has "its GPUs" "$(cat "$work/east.yaml")" "{name: h100, memory: 80GiB"
tap_has "why a node is drained" "$(cat "$work/east.yaml")" "# east-2 is drained: fan 3 fails"
by_rest() { "$dure" fleet discover east --rest "$REST_URL" --token-file "$REST_TOKEN_FILE" --user root --owner nat --topology "$work/east/topology.conf" >"$work/rest.yaml" 2>"$work/said"; }
tap_ok "and by slurmrestd with a token" by_rest
# The same fleet but for how it is reached.
tap_is "the same fleet" "$(grep -v -e '^ *#' -e '^#' -e 'slurm: {' "$work/rest.yaml")" "$(grep -v -e '^ *#' -e '^#' -e 'slurm: {' "$work/east.yaml")"
tap_ok "no secret stands in it" tap_fails grep -q "$(cat "$REST_TOKEN_FILE")" "$work/rest.yaml"

"$dured" --foreground --state "$work/state" --socket "$DURE_SOCKET" 2>"$work/dured.log" &
daemon=$!
is_up() { curl -fs --unix-socket "$DURE_SOCKET" http://dured/healthz; }
tap_ok "its daemon answers" until_true is_up
tap_has "it can be applied as it stands" "$("$dure" fleet apply "$work/east.yaml" 2>&1)" "20 GPUs on 5 nodes"
tap_has "how it is reached is in force" "$("$dure" fleet --spec --json)" '"slurm":{"commands":{'
again() { "$dure" fleet discover east --owner nat 2>/dev/null | cmp -s - "$work/east.yaml"; }
tap_ok "a site that the daemon knows is discovered by its name alone" again

said=$("$dure" site check east 2>&1)
tap_is "a bad configuration is an answer of no" "$?" 1
tap_has "Slurm's own order" "$said" "FAIL PriorityType: found priority/multifactor, expected priority/basic"
tap_has "and the line that mends it" "$said" "PriorityType=priority/basic"
tap_has "what is forgotten too soon" "$said" "FAIL MinJobAge: found 2 sec"
tap_has "a node that is drained" "$said" "east-2: fan 3 fails"
sed -i 's|^PriorityType=.*|PriorityType=priority/basic|; s|^MinJobAge=.*|MinJobAge=300|' "$work/east/slurm.conf"
"$cluster" daemon "$work/east" stop slurmctld
"$cluster" daemon "$work/east" start slurmctld
# Slurm asks its nodes to register some seconds after it began, and starts nothing before.
are_back() { [ "$(SLURM_CONF=$work/east/slurm.conf sinfo -h -N -o %T | grep -cx idle)" -eq 4 ]; }
tap_ok "begun anew, it has its nodes" until_true are_back
said=$("$dure" site check east --json 2>&1)
tap_is "mended, it is an answer of yes" "$?" 0
tap_is "for programs too" "$(echo "$said" | jq -r '.passed, ([.findings[] | select(.level == "fail")] | length)' | tr '\n' ' ')" "true 0 "
tap_has "and it warns of what is loose" "$(echo "$said" | jq -r '.findings[] | select(.level == "warn") | .what')" "ProctrackType"
mkdir -m 777 "$work/logs"
said=$("$dure" site check east --probe "$work/logs" --timeout 300 2>&1)
tap_has "a folder that the nodes share" "$said" "ok   log folder: east-"
tap_has "and their clocks" "$said" "ok   node clock: east-"
tap_has "and that none has containers, which the fleet does not say either" "$said" "ok   containers: east-"
tap_is "nothing is left of it" "$(ls -A "$work/logs")" ""
"$cluster" daemon "$work/east" kill slurmctld
said=$("$dure" site check east --timeout 2 2>&1)
tap_is "a Slurm that does not answer fails" "$?" 1
tap_has "and is said to" "$said" "FAIL reach: found"
tap_done
