#!/bin/sh
#SBATCH -N 3 -n 8
