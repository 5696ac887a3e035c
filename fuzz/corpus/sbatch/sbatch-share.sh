#!/bin/sh
#SBATCH -N 1 -n 3 --gpus-per-node=8
