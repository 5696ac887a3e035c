#!/bin/bash
# usage: whole.sh BUILD SOURCE
# Two real Slurm clusters, one by its commands and one by slurmrestd, and the local engine under one daemon: what people do, on each.
# shellcheck source=tests/system/slurm/rig.sh
. "$(dirname "$0")/rig.sh"

rig_cluster east 2 4
rig_cluster west 2 4 --restd
rig_site east commands
rig_site west rest
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

# What this engine cannot do is refused with the remedy.
printf 'kind: Job\nversion: 1\nproject: east/a\ngpus: 0.5\ncommand: ["true"]\n' >half.yaml
run 1 "half a GPU" dure submit half.yaml
has err "Slurm gives whole GPUs only; ask for whole ones (gpus: 1)"

run 0 "what it enforces is told" dure version --json
has out "which of them, and so their shape below the node, Slurm chooses"
dure down --keep-jobs >/dev/null 2>&1
for name in east west; do is "nothing of ours is left on $name" "$(jobs_of $name running,pending)" 0; done
done_testing
