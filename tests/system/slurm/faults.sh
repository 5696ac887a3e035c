#!/bin/bash
# usage: faults.sh BUILD SOURCE
# Real daemons die, hang, lie and come back, in any order: nothing runs twice, nothing that runs is lost, and the site is away meanwhile, not free.
# shellcheck source=tests/system/slurm/rig.sh
. "$(dirname "$0")/rig.sh"

rig_cluster east 2 4 --set SlurmdTimeout=6 --set KillWait=2
rig_cluster west 2 4 --restd
rig_site east commands
rig_site west http
rig_fleet east west
rig_up
within 20 "all nodes are up" nodes_are east up
within 20 "by slurmrestd too" nodes_are west up

# dured, killed while it hands jobs over.
for i in $(seq 16); do once "$([ $((i % 2)) -eq 0 ] && echo east || echo west)" "kill-$i" 0.1 >/dev/null; done
for _ in 1 2; do
    sleep 0.6
    rig_kill
    rig_up
done
within 60 "all end" all_ended
ran_once kill 16
ok "each of 16 jobs ran once through two deaths of the daemon" $?

# slurmctld and dured, both dead while a gang runs; back in the other order.
printf 'kind: Job\nversion: 1\nproject: east/a\ntasks: 2\ngpus: 4\nscript: "echo begun >>%s/ran-both-1; until [ -e %s/go ]; do sleep 0.2; done"\n' \
    "$work/here" "$work/here" >gang.yaml
gang=$(submit gang.yaml)
within 20 "a gang runs" test -s "$work/here/ran-both-1"
within 60 "slurmctld has written it down" test "$work/east/state/job_state" -nt "$work/here/ran-both-1" # else it starts it again
sleep 1
"$cluster" daemon "$work/east" kill slurmctld
waits=$(once east both-2)
rig_kill
rig_up
sleep 1
is "nobody knows, so it goes on" "$(state "$gang")" RUNNING
"$cluster" daemon "$work/east" start slurmctld
within 60 "its cluster answers" nodes_are east up
is "and it runs there" "$(state "$gang")" RUNNING
touch "$work/here/go" # not before: a slurmctld that begins gives up a job whose end its node could not tell
within 60 "its end is found" state_is "$gang" COMPLETED
within 60 "and what waited runs" state_is "$waits" COMPLETED
ran_once both 2
ok "each ran once" $?

# slurmctld and slurmrestd stand still: away, not free; what was on its way arrives later, once.
kill -STOP "$(daemon_pid east slurmctld)" "$(daemon_pid west slurmrestd)"
stopped=$(once east stuck-1)
stuck=$(once west stuck-2)
within 30 "the nodes of who does not answer are away" nodes_are east away
within 30 "and of a slurmrestd that is stuck" nodes_are west away
run 0 "with the reason" dure nodes east-1 --json
has out "its Slurm does not answer"
kill -CONT "$(daemon_pid east slurmctld)" "$(daemon_pid west slurmrestd)"
within 40 "they come back" nodes_are east up
within 40 "both" nodes_are west up
within 60 "what waited runs" state_is "$stopped" COMPLETED
within 90 "and what was asked meanwhile" state_is "$stuck" COMPLETED
ran_once stuck 2
ok "each once" $?

# A node dies under a gang, while in west slurmrestd is gone and who answers in its place talks nonsense.
printf 'kind: Job\nversion: 1\nproject: east/a\ntasks: 2\ngpus: 4\nscript: "echo begun >>%s/ran-node-1; [ $DURE_RESTARTS -gt 0 ] || sleep 90"\n' "$work/here" >gang.yaml
gang=$(submit gang.yaml)
within 20 "a gang runs" running_is east 1
"$cluster" daemon "$work/east" kill east-2
"$cluster" daemon "$work/west" kill slurmrestd
eval "$("$cluster" env "$work/west")"
unset SLURM_CONF
python3 - "${REST_URL##*:}" <<'END' &
import socket, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen(16)
answers = [b"\x00\xff" * 1000, b'{"jobs": [{"job_id": "no number", "name": 7}], "nodes": 3}', b"[" * 100000, b'{"jobs":[' + b'{},' * 50000]
turn = 0
while True:
    client, _ = server.accept()
    client.settimeout(2)
    try:
        client.recv(65536)
        body = answers[turn % len(answers)]
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
    except OSError:
        pass
    client.close()
    turn += 1
END
liar=$!
within 30 "who talks nonsense is away" nodes_are west away
run 0 "the daemon is well" dure version
kill $liar
wait $liar 2>/dev/null

# The real one comes back, and does not take the token.
cp "$REST_TOKEN_FILE" "$work/good"
echo "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE5MDAwMDAwMDAsInN1biI6InJvb3QifQ.AAAA" >"$REST_TOKEN_FILE"
"$cluster" daemon "$work/west" start slurmrestd
within 40 "the dead node is down" nodes_are east "$(printf 'down\nup')"
within 20 "its gang waits again" state_is "$gang" PENDING
is "with a wrong token nodes stay away" "$(node_states west)" away
cp "$work/good" "$REST_TOKEN_FILE"
within 40 "with a good one they are back, without a restart" nodes_are west up
"$cluster" daemon "$work/east" start east-2
within 60 "the node comes back" nodes_are east up
within 60 "and the gang ends" state_is "$gang" COMPLETED
is "begun twice, as two attempts" "$(wc -l <"$work/here/ran-node-1")" 2

# Nothing is left, nothing is foreign.
within 20 "no job of ours is left on east" running_is east 0
within 20 "nor on west" running_is west 0
within 20 "all is free" foreign_is east-1 0
done_testing
