#!/bin/sh
#SBATCH -a 3,0 -c many -A nobody -D here -G 65
