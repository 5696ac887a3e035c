#!/bin/sh
#SBATCH -N 1-4 -n x --ntasks-per-node=0 -G 0 --gpus-per-node=b200 --gpus-per-task=a:b:1
#SBATCH --gres=shard:1
