#!/bin/bash
#SBATCH -J "two words" --time 90 -A alpha/llm/team-a
##SBATCH --nodes=9
# SBATCH --nodes=9

  # a comment
#SBATCH -N2 -n 16 --gres=gpu:b200:8 -pdebug --mail-type=END # and no more --nodes=9
#SBATCH --mem=64G -c 4 -d afterok:3:4,afternotok:5 -a 1-9:2%3 --requeue --no-requeue
echo hi
#SBATCH --nodes=9
