#!/bin/sh
#SBATCH --wrap="echo hi"
