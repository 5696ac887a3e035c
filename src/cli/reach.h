#pragma once
/* How a Slurm is reached, from the options --slurm-conf, --slurm-path, --rest, --token-file, --user. */
#include "cli/cli.h"
#include "model/fleet.h"

#define DURE_CLI_REACH_OPTIONS                                                                                          \
    {"slurm-conf", 0, DURE_OPTION_FILE, "FILE", NULL, "by Slurm's commands, which read this slurm.conf"},               \
        {"slurm-path", 0, DURE_OPTION_DIR, "DIRECTORY", "/usr/bin", "where sbatch, squeue, sinfo and scontrol are"},    \
        {"rest", 0, DURE_OPTION_TEXT, "URL", NULL, "by slurmrestd: unix:/path, http://host:port or https://host:port"}, \
        {"token-file", 0, DURE_OPTION_FILE, "FILE", NULL, "with --rest: the file that holds its token"},                \
        {"user", 0, DURE_OPTION_TEXT, "NAME", NULL, "with --rest: whose token it is"},                                  \
    {                                                                                                                   \
        "timeout", 0, DURE_OPTION_SECONDS, "TIME", "30", "how long to wait for an answer", NULL, 1, 600                 \
    }

/* DURE_EXIT_OK and the way asked for; `*ret_given` false: none was. Else the message is out. */
int dure_cli_reach(struct dure_cli *cli, struct dure_slurm_site *ret_site, bool *ret_given);
