#!/bin/sh
#SBATCH -n 2 -G 8 --gpus-per-task=2
