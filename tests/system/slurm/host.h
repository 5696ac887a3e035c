#pragma once
/* A real cluster for a test (examples/slurm/cluster), and asking it on a loop of the test's own. */
#include <uv.h>

#include "engine/slurm/wire.h"
#include "tap.h"

struct slurm_host {
    const char *script; /* examples/slurm/cluster */
    char directory[512];
    char conf[600], socket_url[640], url[64], token_file[600];
    uv_loop_t loop;
};

/* Starts it with these words after DIR; skips the whole test where Slurm is missing. Stopped when the program ends. */
void slurm_host_start(struct slurm_host *host, const char *script, const char *name, const char *words);
int slurm_host_do(const struct slurm_host *host, const char *format, ...)
    TAP_PRINTF(2, 3); /* cluster FORMAT; its status */
int slurm_host_sh(const struct slurm_host *host, const char *format, ...) TAP_PRINTF(2, 3); /* with SLURM_CONF */

/* What a callback was told, copied as far as tests look at it. */
struct slurm_told {
    bool told;
    enum dure_slurm_result result;
    bool unsent, unchanged;
    char text[1100], version[32], api[32];
    uint32_t job_id, job_count, node_count, partition_count, setting_count, switch_count;
    struct dure_slurm_job job; /* the first; its texts are kept below */
    char job_name[256], job_comment[256], job_user[64], job_nodes[256], job_reason[128], job_output[256];
    struct dure_slurm_job_node job_node[8];
    char job_node_name[8][64];
    struct dure_slurm_node node; /* the first; texts below */
    char node_name[64], node_reason[128], node_partitions[128];
    struct dure_slurm_partition partition;
    char partition_name[64];
    char switch_name[4][64], switch_nodes[4][128];
    char kill_wait[32];
};
void slurm_hear(void *told, const struct dure_slurm_reply *reply); /* a dure_slurm_fn */
void slurm_wait(struct slurm_host *host, struct slurm_told *told); /* until told; bails after a minute */
