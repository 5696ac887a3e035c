#!/bin/sh
#SBATCH -t UNLIMITED --mem=lots -d singleton -n 4
