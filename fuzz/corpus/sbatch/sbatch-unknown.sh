#!/bin/sh
#SBATCH --nodez=3
#SBATCH -Z
#SBATCH nodes=3
#SBATCH --hold=yes
#SBATCH --time
#SBATCH --job-name="open
#SBATCH hetjob
#SBATCH --
