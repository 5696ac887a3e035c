#!/bin/sh
#SBATCH -H -Q
#SBATCH-N 3
#SBATCH
