#pragma once
/* Launch messages: one for each start on an emulated site, to a process of its own that listens on a Unix stream socket. It stands in for the daemons of the
 * nodes: a message is one write of one line of JSON, and nothing is answered. Messages go out in the order of the starts; while nobody listens, or the reader
 * is slow, they wait (up to 256 MiB), and after a broken connection the first one not handed over whole is sent again from its beginning.
 *
 *     {"term":1,"job":12,"element":0,"attempt":34,"recovering":false,"tenant":"o0/t1","tasks":4,"task_gpus":8,"places":[{"node":"g0-000001","nodes":4,"gpu_mask":255,"tasks":1}]}
 *
 * A place: its first node, how many nodes with it in the order of the fleet, the GPUs taken on each (bits), the tasks on each; "gpu_milli" when the GPU is
 * shared. "element" is left out of a job that is no array. One thread; never blocks. */
#include "engine/engine.h"

struct dure_launch;

/* `path` is copied; it is connected to when there is something to send. E_LIMIT: too long for a socket's path. */
DURE_NODISCARD enum dure_err dure_launch_new(const char *path, struct dure_launch **ret_launch,
                                             struct dure_error *error);
void dure_launch_free(struct dure_launch *launch); /* NULL is fine */
/* Queues the message of a start. E_FULL: too many wait. */
DURE_NODISCARD enum dure_err dure_launch_add(struct dure_launch *launch, const struct dure_order *order,
                                             bool recovering);
/* Sends what the reader takes now, and tells of each message that is out. Returns microseconds to wait before calling again; 0: nothing is left. */
int64_t dure_launch_flush(struct dure_launch *launch, void (*sent)(void *context, struct dure_attempt_id attempt),
                          void *context);
