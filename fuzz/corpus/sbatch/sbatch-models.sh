#!/bin/sh
#SBATCH --gpus-per-node=b200:8 --gres=gpu:gb200:4
