#!/bin/sh
#SBATCH -n 3 -G 8
