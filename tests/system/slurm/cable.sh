#!/bin/bash
# usage: cable.sh BUILD SOURCE
# dured in a network namespace of its own, and one cable between it and a real cluster, which is two sites: one by the commands, one by slurmrestd. The cable is
# pulled on the cluster's side (packets go nowhere, nobody says so), then the namespace's own interface is stopped (the kernel says so at once).
# shellcheck disable=SC2317 # functions that a trap or `within` calls
# shellcheck source=tests/system/slurm/rig.sh
. "$(dirname "$0")/rig.sh"
space=dure-$$ cable=dure$$ net=198.18.$((RANDOM % 200)).
between=()
cable_end() {
    kill "${between[@]}" 2>/dev/null
    rig_end 2>/dev/null
    ip link del "$cable" 2>/dev/null
    ip netns del "$space" 2>/dev/null
}
trap cable_end EXIT
skip() {
    echo "1..0 # SKIP $*"
    exit 0
}
command -v ip >/dev/null || skip "ip is not here; on Debian: apt-get install iproute2"
lay_cable() {
    ip netns add "$space" && ip netns exec "$space" true && ip link add "$cable" type veth peer name far netns "$space" &&
        ip addr add "${net}1/30" dev "$cable" && ip link set "$cable" up &&
        ip -n "$space" addr add "${net}2/30" dev far && ip -n "$space" link set far up && ip -n "$space" link set lo up
}
lay_cable 2>"$work/err" || skip "no network namespace with a cable may be made here: $(head -1 "$work/err")"

rig_cluster east 2 4 --restd --set KillWait=2
eval "$("$cluster" env "$work/east")"
unset SLURM_CONF
free_port() { python3 -c 'import socket, sys; s = socket.socket(); s.bind((sys.argv[1], 0)); print(s.getsockname()[1])' "${net}1"; }
lead() { # PORT HOST:PORT: what of the cluster the namespace sees
    python3 "$source_root/tests/system/slurm/between.py" "${net}1:$1" "$2" "$work/no-mode" 2>>"$work/between.log" &
    between+=($!)
}
ctld_port=$(free_port)
lead "$ctld_port" "127.0.0.1:$(sed -n 's/^SlurmctldPort=//p' "$work/east/slurm.conf")"
rest_port=$(free_port)
lead "$rest_port" "127.0.0.1:${REST_URL##*:}"
mkdir "$work/conf"
sed "s|^SlurmctldHost=.*|SlurmctldHost=localhost(${net}1)|; s|^SlurmctldPort=.*|SlurmctldPort=$ctld_port|; s|^MessageTimeout=.*|MessageTimeout=5|" "$work/east/slurm.conf" \
    >"$work/conf/slurm.conf"
sites="  - {name: east, engine: slurm, slurm: {commands: {conf: $work/conf/slurm.conf}, poll: 1s}}"$'\n'
sites="$sites  - {name: west, engine: slurm, slurm: {rest: {url: 'http://${net}1:$rest_port', token_file: $REST_TOKEN_FILE, user: root}, poll: 1s}}"$'\n'
for pair in east:east-1 west:east-2; do
    name=${pair%:*}
    groups="$groups  - {name: $name, owner: $name, site: $name, model: h100, nodes: ${pair#*:}, levels: [{name: node, holds: 4}], cpus: 8, memory: 4GiB, status: installed}"$'\n'
    allots="$allots  - {name: all-$name, tenant: $name/a, group: $name, level: node, count: 1}"$'\n'
done
rig_fleet east west
rig_under=(ip netns exec "$space")
rig_up
both_are() { # STATE
    [ "$(dure nodes --json 2>/dev/null | tr '{' '\n' | sed -n "s/.*\"name\":\"east-[12]\".*\"state\":\"\([a-z]*\)\".*/\1/p" | paste -sd ' ')" = "$1 $1" ]
}
ends() { submit -A "$1/a" --gpus 1 --wrap "echo begun >>'$work/here/ran-$2'; until [ -e '$work/here/$2' ]; do sleep 0.3; done; exit 3"; }
within 20 "through the cable both sites are up" both_are up

# ---- pulled ----

goes=$(ends east goes-1) stays=$(ends west goes-2)
within 20 "a job runs on each" running_is east 2
ip link set "$cable" down
touch "$work/here/goes-1" # it ends while nobody sees it
meanwhile=$(once east pulled-1)
other=$(once west pulled-2)
within 30 "who is cut off is away, both" both_are away
is "what ran there is not over" "$(state "$goes") $(state "$stays")" "RUNNING RUNNING"
begun=("$work"/here/ran-pulled-*)
test ! -e "${begun[0]}"
ok "what is asked meanwhile has not begun" $?
run 0 "the local site is well" dure submit -A here/a --gpus 1 --wait --wrap true
ip link set "$cable" up
within 45 "with the cable back both are up" both_are up
within 45 "an end that nobody saw is found" state_is "$goes" FAILED
run 0 "with its exit code" dure show "$goes"
has out "code:signal 3:0"
within 60 "what was asked meanwhile has run" state_is "$meanwhile" COMPLETED
within 60 "on both" state_is "$other" COMPLETED
ran_once pulled 2
ok "each once" $?

# ---- the namespace's own interface ----

ip -n "$space" link set far down
meanwhile=$(once east down-1)
other=$(once west down-2)
within 30 "without an interface both are away" both_are away
ip -n "$space" link set far up
within 45 "both are back" both_are up
within 60 "what was asked meanwhile has run" state_is "$meanwhile" COMPLETED
within 60 "on both" state_is "$other" COMPLETED
ran_once down 2
ok "each once" $?
is "what ran through both still runs" "$(state "$stays")" RUNNING
touch "$work/here/goes-2"
within 30 "and ends" state_is "$stays" FAILED
ran_once goes 2
ok "each began once" $?
within 20 "nothing of ours is left" running_is east 0
done_testing
