#!/bin/sh
#SBATCH -a 0,3 -c many -A nobody -D here -G 65
