#!/bin/bash
# usage: between.sh BUILD SOURCE
# What is between dured and Slurm's daemons, and below them, fails: the network (between.py), disks, clocks, munge. One real cluster whose two nodes are two
# sites, one by the commands and one by slurmrestd, so that each outage of one is seen beside the other; a job runs on each through all of it.
#
# Which fault is injected where (the real daemons unless the name ends in _test):
#   kill -9 of dured, slurmctld, a slurmd, slurmrestd   faults.sh           of munged, and of a slurmd under a job   between.sh
#   slurmctld, slurmrestd that are stuck                faults.sh           in every order, with dured and network   outages_test
#   a blocked port (nothing comes through, all hangs)   between.sh          an answer by half; hung up at once       between.sh
#   a network namespace that is cut off                 cable.sh            and one whose interface is down          cable.sh
#   wrong token                                         faults.sh, wire.c   a token that ran out, another user's     wire.c
#   full disk of slurmctld, full spool of slurmd        between.sh          clocks: munge's, slurmctld's             between.sh
#   a node that dies under a gang                       faults.sh           malformed answers                        faults.sh, wire_test
#   huge answers: 36 MiB are read, an endless one not   between.sh          lost, late and doubled submissions       steps_test, behave_test
# shellcheck disable=SC2317 # functions that a trap or `within` calls
# shellcheck source=tests/system/slurm/rig.sh
. "$(dirname "$0")/rig.sh"
skew=$build/tests/system/slurm/skew.so
between=()
between_end() {
    kill "${between[@]}" 2>/dev/null
    rig_end 2>/dev/null
    umount -l "$work/disk" "$work/spool" 2>/dev/null
    rm -rf "$work"
}
trap between_end EXIT

mkdir "$work/disk" "$work/spool" "$work/conf"
small=yes
mount -t tmpfs -o size=8m none "$work/disk" 2>/dev/null && mount -t tmpfs -o size=8m none "$work/spool" 2>/dev/null || small=
mkdir "$work/disk/state"
rig_cluster east 2 4 --restd --set KillWait=2 --set "StateSaveLocation=$work/disk/state" --set "SlurmdSpoolDir=$work/spool/%n"

# ---- what is between ----

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
eval "$("$cluster" env "$work/east")"
unset SLURM_CONF
ctld_port=$(sed -n 's/^SlurmctldPort=//p' "$work/east/slurm.conf")
east_port=$(free_port) west_port=$(free_port)
put_between() { echo "$2" >"$work/mode-$1"; } # SITE MODE
put_between east pass
put_between west pass
python3 "$source_root/tests/system/slurm/between.py" "$east_port" "127.0.0.1:$ctld_port" "$work/mode-east" 2>>"$work/between.log" &
between+=($!)
python3 "$source_root/tests/system/slurm/between.py" "$west_port" "127.0.0.1:${REST_URL##*:}" "$work/mode-west" 2>>"$work/between.log" &
between+=($!)
conf() { # MUNGE'S SOCKET: the commands' own slurm.conf, by which they meet the proxy, and lose patience soon
    sed "s|^SlurmctldPort=.*|SlurmctldPort=$east_port|; s|^AuthInfo=.*|AuthInfo=socket=$1|; s|^MessageTimeout=.*|MessageTimeout=5|" "$work/east/slurm.conf" \
        >"$work/conf/new"
    mv "$work/conf/new" "$work/conf/slurm.conf"
}
conf "$work/east/munge/socket"
sites="  - {name: east, engine: slurm, slurm: {commands: {conf: $work/conf/slurm.conf}, poll: 1s}}"$'\n'
sites="$sites  - {name: west, engine: slurm, slurm: {rest: {url: 'http://127.0.0.1:$west_port', token_file: $REST_TOKEN_FILE, user: root}, poll: 1s}}"$'\n'
for pair in east:east-1 west:east-2; do
    name=${pair%:*}
    groups="$groups  - {name: $name, owner: $name, site: $name, model: h100, nodes: ${pair#*:}, levels: [{name: node, holds: 4}], cpus: 8, memory: 4GiB, status: installed}"$'\n'
    allots="$allots  - {name: all-$name, tenant: $name/a, group: $name, level: node, count: 1}"$'\n'
done
rig_fleet east west
rig_up
node_is() { [ "$(dure nodes --json 2>/dev/null | tr '{' '\n' | sed -n "s/.*\"name\":\"$1\".*\"state\":\"\([a-z]*\)\".*/\1/p")" = "$2" ]; }
within 20 "the node by the commands is up" node_is east-1 up
within 20 "the node by slurmrestd too" node_is east-2 up
says() { # NODE WORDS
    run 0 "$1" dure nodes "$1" --json
    has out "$2"
}
last() { # SITE: runs through all that follows
    submit -A "$1/a" --gpus 1 --wrap "echo begun >>'$work/here/ran-last-$1'; until [ -e '$work/here/go' ]; do sleep 0.3; done"
}
last_east=$(last east) last_west=$(last west)
within 20 "a job runs on each" running_is east 2
goes_on() { is "$1: both still run" "$(state "$last_east") $(state "$last_west")" "RUNNING RUNNING"; }

# ---- a blocked port: west. Meanwhile disks fill up and munge's clock is wrong in east ----

put_between west hold # half an answer, and the connection stays open
sleep 1
put_between west drop
cut=$(once west cut-1)
if [ -n "$small" ]; then
    dd if=/dev/zero of="$work/disk/fill" bs=64k 2>/dev/null
    waits=$(once east full-1)
    noted() { dure show "$waits" | grep -q "I/O error"; }
    within 10 "slurmctld's disk is full: what it cannot keep waits, and says why" noted
    rm "$work/disk/fill"
    within 30 "and runs when there is room" state_is "$waits" COMPLETED
    dd if=/dev/zero of="$work/spool/fill" bs=4k 2>/dev/null
    waits=$(once east full-2)
    drained() { dure nodes east-1 --json | grep -q "SlurmdSpoolDir is full"; }
    within 20 "a node whose spool is full takes no more, and says why" drained
    is "what it could not launch is not over" "$(state "$waits" | sed 's/PENDING/RUNNING/')" RUNNING
    rm "$work/spool/fill"
    slurm east scontrol update nodename=east-1 state=resume
    within 60 "and runs when it is mended" state_is "$waits" COMPLETED
    ran_once full 2
    ok "each once" $?
else
    ok "a full disk # SKIP no file system may be mounted here" 0
fi
within 20 "who is cut off is away" node_is east-2 away
says east-2 "its Slurm does not answer"
goes_on "a blocked port"
put_between west pass

mkdir -m 755 "$work/munge"
install -m 400 "$work/east/munge/key" "$work/munge/key"
SKEW_S=-1000 LD_PRELOAD=$skew munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
    --log-file="$work/munge/log" --seed-file="$work/munge/seed" --num-threads=2 2>/dev/null &
between+=($!)
within 5 "a munge whose clock is 1000 s behind" test -S "$work/munge/socket"
conf "$work/munge/socket"
within 30 "who cannot be verified is away" node_is east-1 away
says east-1 "do the clocks agree"
conf "$work/east/munge/socket"
within 30 "with the right clock it is back" node_is east-1 up
within 45 "who was cut off is back" node_is east-2 up
within 45 "and what was asked meanwhile has run" state_is "$cut" COMPLETED
ran_once cut 1
ok "once" $?

# ---- a blocked port for the commands; slurmrestd hangs up, and then answers by half ----

put_between east drop
put_between west refuse
cut=$(once east half-1)
other=$(once west half-2)
within 30 "commands that nobody answers" node_is east-1 away
within 30 "a slurmrestd that hangs up" node_is east-2 away
put_between east half
put_between west half
sleep 2
put_between east pass
put_between west pass
within 30 "both are back" node_is east-1 up
within 30 "both" node_is east-2 up
within 60 "what was asked meanwhile has run" state_is "$cut" COMPLETED
within 60 "in both" state_is "$other" COMPLETED
ran_once half 2
ok "each once" $?
goes_on "half answers"

# ---- huge answers: west. Meanwhile munged is killed, and a slurmd under its job ----

put_between west "more 12000"
"$cluster" daemon "$work/east" kill munged
"$cluster" daemon "$work/east" kill east-1
sleep 4
is "12000 jobs of others in a list are no outage" "$(node_is east-2 up && echo up)" up
"$cluster" daemon "$work/east" start munged
huge=$(once west huge-1)
within 60 "nor in the way" state_is "$huge" COMPLETED
"$cluster" daemon "$work/east" start east-1
put_between west endless
within 40 "an endless list is no answer" node_is east-2 away
why() { dure nodes "$1" --json | grep -qF "$2"; }
within 90 "which is said, also where it was away for slowness before" why east-2 "more than 256 MiB"
says east-2 "more than 256 MiB"
has out "MinJobAge"
peak_mib=$(($(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$dured_pid/status") / 1024))
is "and costs no more than its limit ($peak_mib MiB at the most)" "$((peak_mib < 800))" 1
put_between west pass
within 30 "west is back" node_is east-2 up
within 30 "and east, after munged and a slurmd were killed" node_is east-1 up
goes_on "munged and a slurmd killed"

# ---- slurmctld's own clock is 1000 s behind ----

"$cluster" daemon "$work/east" stop slurmctld
SKEW_S=-1000 LD_PRELOAD=$skew "$cluster" daemon "$work/east" start slurmctld
within 40 "it is seen with a clock that is wrong" node_is east-1 up
within 40 "by both" node_is east-2 up
first=$(once east clock-1)
second=$(once west clock-2)
within 60 "work runs, with backfill's turn at the latest" state_is "$first" COMPLETED # which comes every 30 s
within 60 "on both" state_is "$second" COMPLETED
ran_once clock 2
ok "each once" $?
dure site check east >"$work/out" 2>&1
has out "clock"
grep -qE 'clock.* -(99[0-9]|100[0-9]) s from' "$work/out"
ok "by how much, as fine as asking takes: $(grep clock "$work/out")" $?
goes_on "a wrong clock"

touch "$work/here/go"
within 40 "what ran through all of it ends" state_is "$last_east" COMPLETED
within 40 "both" state_is "$last_west" COMPLETED
ran_once last 2
ok "each began once" $?
within 20 "nothing of ours is left" running_is east 0
done_testing
