#pragma once
/* The Slurm engine on the made-up cluster: orders by hand, observations and sights kept, time that moves only when asked. */
#include "fake.h"

enum { RIG_ATTEMPTS = 10240 };

struct rig_attempt {
    bool ordered, started, over, forgotten, cancelled;
    unsigned reports; /* of its end: must never pass 1 in one life of the daemon */
    enum dure_report report;
    int exit_code, exit_signal;
    char reason[DURE_REASON_MAX + 1];
    uint64_t job; /* 0: as the attempt */
    uint32_t node;
    uint64_t mask, more; /* more: on its first node */
    uint32_t nodes;
    bool requeue;
    int64_t decided_us, walltime_us;
};

struct rig {
    struct dure_engine *engine;
    struct rig_attempt attempts[RIG_ATTEMPTS + 1];
    struct dure_node_observation nodes[FAKE_NODES];
    unsigned sights;
    char directory[256];
    uint64_t more; /* of the attempts to come */
    bool forgets;  /* what has ended is forgotten at once, as the loop does */
    uint64_t job;  /* of the attempts to come; 0: each its own */
    bool slow;     /* a daemon that begins reads its record for long: nothing is handed over before rig_recover */
};
extern struct rig rig;

void rig_begin(void);
void rig_end(void);
void rig_engine(void);                 /* a daemon begins: what lives is handed over again */
void rig_block(const char *partition); /* the fleet says another of its Slurm */
void rig_recover(void);                /* it has read its record */
void rig_crash(void);                  /* the daemon dies at once */
void rig_start(uint64_t attempt, uint32_t node, uint32_t nodes, uint64_t mask);
void rig_run(int64_t us); /* time passes */
bool rig_until(bool (*is)(void), int64_t most_us);
