#!/bin/bash
# usage: whole.sh BUILD SOURCE
# Two real Slurm clusters, one by its commands and one by slurmrestd, and the local engine under one daemon: what people do, on each.
# shellcheck source=tests/system/slurm/rig.sh
. "$(dirname "$0")/rig.sh"

rig_cluster east 2 4
rig_cluster west 2 4 --restd
# East has containers, by a stand-in, and its output lies where the daemon does not see it: a file system of its own hides the folder from it, where one may be had.
mkdir "$work/far"
rig_under=(unshare --mount sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$work/far")
fetch=", fetch: [nsenter, --mount=/proc/$$/ns/mnt, sh]"
"${rig_under[@]}" true 2>/dev/null || { fetch='' && rig_under=(env); }
apptainer=$source_root/tests/system/slurm/apptainer
rig_site_more="containers: $apptainer, " rig_slurm_more=$fetch
rig_site east commands
rig_site_more='' rig_slurm_more=''
rig_site west rest
rig_local_more=", containers: $apptainer"
rig_fleet east west
rig_up
within 20 "the nodes of both are up" nodes_are east up
within 20 "by slurmrestd too" nodes_are west up

cat >gang.yaml <<'END'
kind: Job
version: 1
name: gang
project: PROJECT/a
tasks: 4
gpus: 2
tasks_per_node: 2
command: [sh, -c, 'echo "task $DURE_TASK of $DURE_TASKS on $DURE_NODE: $CUDA_VISIBLE_DEVICES; $SLURM_PROCID/$SLURM_NTASKS $SLURM_NODEID/$SLURM_NNODES $(pwd)"']
END
cat >batch.sh <<'END'
#!/bin/bash
#SBATCH -J batch -N 2 --ntasks-per-node=1 --gpus-per-node=4 -t 5
#SBATCH --array=1-99
echo "once, with $1 in $SLURM_SUBMIT_DIR, element '$SLURM_ARRAY_TASK_ID', job $DURE_JOB_ID"
srun sh -c 'echo "rank $SLURM_PROCID of $SLURM_NTASKS on $SLURMD_NODENAME"'
exit 3
END
sed '/--array/d' batch.sh >plain.sh
for site in east west; do
    sed "s/PROJECT/$site/" gang.yaml >"gang-$site.yaml"
    gang=$(submit "gang-$site.yaml")
    batch=$(submit -A $site/a plain.sh "two words")
    array=$(submit -A $site/a --array 3-5:2 --gpus 1 --wrap 'echo "$SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT, $SLURM_ARRAY_JOB_ID"; exit $SLURM_ARRAY_TASK_ID')
    bad=$(submit -A $site/a --gpus 1 --output /nowhere/at/all --wrap true)
    within 30 "$site: a gang of four tasks on two nodes" state_is "$gang" COMPLETED
    run 0 "$site: its output" dure logs "$gang"
    has out "task 0 of 4 on $site-1: 0,1; 0/4 0/2 $work/here"
    has out "task 3 of 4 on $site-2: 2,3; 3/4 1/2"
    within 30 "$site: a batch script ends with its exit code" state_is "$batch" FAILED
    run 0 "$site: its output" dure logs "$batch"
    has out "once, with two words in $work/here, element '', job $batch"
    has out "rank 1 of 2 on $site-2"
    run 0 "$site: its exit code" dure jobs --ended -o jobid,exit "$batch"
    has out "3:0"
    within 30 "$site: an array's element has its own exit code" state_is "${array}_5" FAILED
    run 0 "$site: its output" dure logs "${array}_5"
    has out "5 of 2, $array"
    within 30 "$site: output that cannot be opened fails it" state_is "$bad" FAILED
done

# The script of an array with its #SBATCH lines, as sbatch takes it; each element once, whatever its lines say.
run 2 "an array in a script and one task a node and 99 of them is refused or taken by our rules" dure submit -A east/a --array nonsense plain.sh

# Dependencies go across sites, because the core decides them.
first=$(submit -A east/a --gpus 1 --wrap 'sleep 1; exit 0')
second=$(submit -A west/a --gpus 1 --dependency "afterok:$first" --wrap 'echo second')
third=$(submit -A here/a --gpus 1 --dependency "afterok:$second" --wrap 'echo third')
within 30 "from Slurm to Slurm to this machine" state_is "$third" COMPLETED

# Ended on Slurm's side.
long=$(submit -A east/a --gpus 1 --wrap 'sleep 300')
within 20 "it runs" state_is "$long" RUNNING
within 20 "Slurm has it" running_is east 1
slurm east scancel --jobname="$(slurm east squeue -h -t running -o %j | grep -- "-$long-")"
within 20 "scancel on Slurm's side cancels the job" state_is "$long" CANCELLED
run 0 "and says so" dure show "$long"
has out "scancel"

# Ended on ours, by SIGTERM, with its grace; and what does not listen is killed.
polite=$(submit -A west/a --gpus 1 --wrap 'trap "echo warned; exit 0" TERM; sleep 300 & wait')
cat >deaf.yaml <<'END'
kind: Job
version: 1
project: west/a
grace: 2s
script: |
  trap "" TERM
  while :; do sleep 1; done
END
deaf=$(submit deaf.yaml)
within 20 "both run" state_is "$deaf" RUNNING
within 20 "in Slurm" running_is west 2
sleep 0.5
dure cancel "$polite" "$deaf" >/dev/null
within 20 "a warned job ends" state_is "$polite" CANCELLED
within 20 "a deaf one is killed after its grace" state_is "$deaf" CANCELLED
run 0 "the warning was heard" dure logs "$polite"
has out "warned"

# Work given to Slurm beside dure.
slurm east sbatch -w east-2 --gres=gpu:3 --mem=10 -o /dev/null --wrap 'sleep 300' >/dev/null
within 20 "others' GPUs are foreign" foreign_is east-2 3
printf 'kind: Job\nversion: 1\nproject: east/a\ntasks: 2\ngpus: 4\ncommand: ["true"]\n' >all.yaml
whole=$(submit all.yaml)
sleep 1
is "what needs them waits" "$(state "$whole")" PENDING
is "and others' work runs on" "$(slurm east squeue -h -t running -o %j | grep -c wrap)" 1
slurm east scancel --jobname=wrap
within 30 "when they are gone it starts" state_is "$whole" COMPLETED
within 10 "and nothing is foreign" foreign_is east-2 0

# Drained there.
slurm west scontrol update nodename=west-2 state=drain reason="fan 3"
within 20 "a drained node is nobody's" foreign_is west-2 4
run 0 "with its reason" dure nodes west-2 --json
has out "fan 3"
slurm west scontrol update nodename=west-2 state=resume
within 20 "and comes back" foreign_is west-2 0

# Containers, where a site has them.
folder="$work/far/it's \$(odd)"
mkdir -p "$folder" "$work/here/it's \$(odd)"
cat >box.yaml <<END
kind: Job
version: 1
project: PROJECT/a
tasks: 2
gpus: 2
workdir: "$folder"
env: {COLOUR: blue}
image: docker://ghcr.io/lab/train@sha256:0a
command: [sh, -c, 'echo "task \$DURE_TASK in \$APPTAINER_CONTAINER, \$COLOUR, GPUs \$CUDA_VISIBLE_DEVICES, \$SLURM_NTASKS, \$(pwd)"; exit 7']
END
for site in east west here; do sed "s/PROJECT/$site/" box.yaml >"box-$site.yaml"; done
sed -i '/^gpus/d; s|/far/|/here/|' box-here.yaml
box=$(submit box-east.yaml)
local_box=$(submit box-here.yaml)
printf 'print("script", __import__("os").environ["APPTAINER_NAME"])\nraise SystemExit(3)\n' >body.py
boxed=$(cd "$work/far" && { echo '#!/usr/bin/env -S python3 -u'; cat ../here/body.py; } >s.py && submit -A east/a --gpus 1 --image /images/a.sif s.py)
warned=$(cd "$work/far" && submit -A east/a --gpus 1 --image /images/a.sif --wrap 'trap "echo heard; exit 0" TERM; echo ready; sleep 300 & wait')
within 30 "a gang in a container keeps its exit code" state_is "$box" FAILED
run 0 "its output is fetched" dure logs "$box"
has out "task 0 in docker://ghcr.io/lab/train@sha256:0a, blue, GPUs 0,1, 2, $folder"
has out "task 1 in docker://ghcr.io/lab/train@sha256:0a, blue, GPUs 2,3, 2, $folder"
run 0 "7 it was" dure jobs --ended -o jobid,exit "$box"
has out "7:0"
within 30 "a script in a container, too" state_is "$boxed" FAILED
run 0 "its output is fetched" dure logs "$boxed"
has out "script a.sif"
within 20 "on this machine likewise" state_is "$local_box" FAILED
run 0 "with its output" dure logs "$local_box"
has out "task 1 in docker://ghcr.io/lab/train@sha256:0a, blue, GPUs , 2, $work/here/it's \$(odd)"
run 1 "where no site that may have it has containers it is refused" dure submit box-west.yaml
has err "the site has no containers"
within 20 "it runs" state_is "$warned" RUNNING
timeout 60 dure logs -f "$warned" >"$work/followed" 2>&1 &
follower=$!
within 20 "and is followed" grep -q ready "$work/followed"
dure cancel "$warned" >/dev/null
within 20 "a signal goes into the container" state_is "$warned" CANCELLED
wait $follower
is "and what is followed ends with it" "$(grep -v slurmstepd "$work/followed")" "$(printf 'ready\nheard')"

# What is fetched is the user's own, or nothing.
if [ -n "$fetch" ]; then
    chown nobody "$work/far/dure-$boxed.out"
    run 4 "a file of another user is not shown" dure logs "$boxed"
    has err "not a plain file of the job's own user"
    rm "$work/far/dure-$boxed.out"
    run 5 "a file that is gone is said to be" dure logs "$boxed"
    has err "the output is gone: there is no file $work/far/dure-$boxed.out on the cluster of site east"
    lost=$(cd "$work/far" && submit -A west/a --gpus 1 --wrap 'echo unseen')
    within 20 "west has no way to fetch" state_is "$lost" COMPLETED
    run 5 "so it says where the output is, and how it could be fetched" dure logs "$lost"
    has err "fetch: [ssh, login1, sh]"
else
    ok "what is fetched # SKIP no folder can be hidden from a daemon here" 0
fi

# The way to a cluster changes while work runs there: from slurmrestd to the commands, with another account; what is wrong leaves it as it was.
going=$(submit -A west/a --gpus 1 --wrap 'sleep 3; exit 4')
within 20 "a job runs" state_is "$going" RUNNING
cp "$work/fleet.yaml" "$work/first.yaml"
sed -i "s|submit_as: daemon, rest: {url: '[^']*'}|rest: {url: 'http://127.0.0.1:1', token_file: $work/none}|" "$work/fleet.yaml"
run 0 "a block that cannot be used" dure fleet apply "$work/fleet.yaml"
within 10 "is told of" grep -q "site west: its Slurm cannot be reached as the fleet says now, and is reached as before" "$work/dured.log"
sed "s|submit_as: daemon, rest: {url: '[^']*'}|commands: {conf: $work/west/slurm.conf}, account: nat, accounts: [{project: west/a, account: lab-a}]|" "$work/first.yaml" >"$work/fleet.yaml"
run 0 "one that can" dure fleet apply "$work/fleet.yaml"
within 10 "is in force without a restart" grep -q "site west: its Slurm is reached as the fleet says now" "$work/dured.log"
run 0 "as is said" dure version --json
has out "site west: Slurm: the commands in"
within 30 "what ran before is seen to end" state_is "$going" FAILED
after=$(submit -A west/a --gpus 1 --wrap 'exit 5')
within 30 "and what comes after runs" state_is "$after" FAILED
printf 'kind: Job\nversion: 1\nproject: west/b\nclass: borrowed\nnodes: west-[1-2]\ncommand: ["true"]\n' >beside.yaml
beside=$(submit beside.yaml)
within 30 "of another project too" state_is "$beside" COMPLETED
account_of() { slurm west squeue -h -t all -O Account:20,Comment:60 | sed -n "s/ .*dure job $1, .*//p"; }
is "each in its project's account" "$(account_of "$after") $(account_of "$beside")" "lab-a nat"
is "nobody was away" "$(node_states west)" up

# Each node of a gang gets the same number of its tasks. No option of Slurm's own says how many GPUs of which node in one allocation.
for node in 1 1 2 2 2 2; do echo "east-$node"; done >hosts
divided=$(SLURM_HOSTFILE=$work/here/hosts slurm east sbatch --parsable -N 2 -n 6 -c 1 -m arbitrary --gpus-per-task 1 --mem 10 -o /dev/null --wrap 'sleep 300')
divided_runs() { [ "$(slurm east squeue -h -j "$divided" -o %T)" = RUNNING ]; }
within 20 "two on the first node and four on the second are asked for" divided_runs
gpus_of() { slurm east scontrol show job -d "$1" | sed -n 's/.*Nodes=\(east-[12]\) .*GRES=gpu:h100:\([0-9]\).*/\1=\2/p' | paste -sd ' '; }
is "and Slurm gives four and two" "$(gpus_of "$divided")" "east-1=4 east-2=2"
slurm east scancel "$divided"
for tasks in 6 5; do
    printf 'kind: Job\nversion: 1\nproject: east/a\ntasks: %s\nmodel: h100\ncommand: [sh, -c, "echo on $DURE_NODE; sleep 300"]\n' "$tasks" >"tasks-$tasks.yaml"
done
run 1 "five tasks, which do not divide so, are refused" dure submit tasks-5.yaml
has err "Slurm is told one number of tasks for each node, and"
has err "tasks: 6"
six=$(submit tasks-6.yaml)
in_slurm() { slurm east squeue -h -t running -O JobID:20,Comment:60 | sed -n "s/^\([0-9]*\) .*dure job $1, .*/\1/p"; }
runs_in_slurm() { [ -n "$(in_slurm "$1")" ]; }
within 30 "six run on nodes of four" runs_in_slurm "$six"
is "with three GPUs on each" "$(slurm east scontrol show job -d "$(in_slurm "$six")" | sed -n 's/.*Nodes=\([^ ]*\) .*GRES=gpu:h100:\([0-9]\).*/\1=\2/p' | paste -sd ' ')" "east-[1-2]=3"
run 0 "they are cancelled" dure cancel "$six"

# What this engine cannot do is refused with the remedy.
printf 'kind: Job\nversion: 1\nproject: east/a\ngpus: 0.5\ncommand: ["true"]\n' >half.yaml
run 1 "half a GPU" dure submit half.yaml
has err "Slurm gives whole GPUs only; ask for whole ones (gpus: 1)"

run 0 "what it enforces is told" dure version --json
has out "which of them, and so their shape below the node, Slurm chooses"
dure down --keep-jobs >/dev/null 2>&1
for name in east west; do is "nothing of ours is left on $name" "$(jobs_of $name running,pending)" 0; done
done_testing
