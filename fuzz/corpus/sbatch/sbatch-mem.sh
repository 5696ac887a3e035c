#!/bin/sh
#SBATCH -n 4 -G 4 --mem=64G
