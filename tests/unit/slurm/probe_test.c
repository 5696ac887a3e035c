/* A job that looks at a node, by commands that stand in for Slurm's: it runs, ends without a trace, is not taken, or never starts. */
#include <string.h>
#include <unistd.h>

#include "engine/slurm/survey.h"
#include "standin.h"

static const int64_t long_us = 60000000;
static struct dure_slurm_probed probed;
static struct dure_error error;

/* `sbatch`: what takes the job does. `job`: how squeue tells of it. */
static enum dure_err probe(const char *sbatch, const char *job, int64_t timeout_us)
{
    struct dure_slurm_site site = dure_slurm_site_unsaid();
    char squeue[600];
    site.via = DURE_SLURM_COMMANDS;
    site.path = commands;
    site.conf = "/etc/slurm/made.conf";
    command("sbatch", sbatch);
    /* Not at once: when the time is over, an answer is still on its way. */
    snprintf(squeue, sizeof squeue, "sleep 0.3; echo '{\"jobs\": [{\"job_id\": 7, %s}]}'", job);
    command("squeue", squeue);
    return dure_slurm_probe(&site, "", commands, timeout_us, &probed, &error);
}

int main(void)
{
    static const char taken[] = "cat >/dev/null; echo 7", ended[] = "\"job_state\": \"COMPLETED\"";
    char cancel[700], cancelled[600];
    commands = tap_tempdir();
    snprintf(cancelled, sizeof cancelled, "%s/cancelled", commands);
    snprintf(cancel, sizeof cancel, "sleep 1; echo $* >%s", cancelled);
    command("scancel", cancel);

    TAP_EQ_INT(probe("SLURMD_NODENAME=n1 sh; echo 7", ended, long_us), DURE_OK, "one that runs");
    TAP_EQ_STR(probed.node, "n1", "says where");
    TAP_OK(probed.skew_us <= 0 && probed.skew_us > -long_us, "and what time it was there");

    TAP_EQ_INT(probe(taken, ended, long_us), DURE_E_NOT_FOUND, "one that wrote elsewhere");
    TAP_EQ_STR(error.text, "job 7 ran on a node and its file is not here", "is told");

    TAP_EQ_INT(probe("cat >/dev/null; echo 'sbatch: error: Invalid account' >&2; exit 1", ended, long_us), DURE_E_STATE,
               "one that is refused");
    TAP_OK(strstr(error.text, "its job was not taken: ") && strstr(error.text, "Invalid account"), "%s", error.text);
    TAP_OK(access(cancelled, F_OK) != 0, "none of these was cancelled");

    TAP_EQ_INT(probe(taken, "\"job_state\": \"PENDING\", \"state_reason\": \"ReqNodeNotAvail\"", 3000000),
               DURE_E_TIMEOUT, "one that does not start");
    TAP_EQ_STR(error.text, "job 7 did not run in time (PENDING: ReqNodeNotAvail)", "is told, with Slurm's reason");
    TAP_OK(access(cancelled, F_OK) == 0, "and is cancelled");
    return tap_done();
}
