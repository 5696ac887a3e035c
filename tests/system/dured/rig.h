#pragma once
/* A real daemon on a temporary state, and requests to it. */
#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/client.h"

struct rig {
    char folder[512], state[600], socket[100], fleet[600], log[600];
    pid_t pid;
    struct dure_client *client;
    struct dure_reply reply; /* of the last call */
    struct dure_error error;
};

/* A fleet of `nodes` emulated nodes of 8 GPUs and, with `local`, this machine with 8 virtual GPUs before it; owner "acme". */
void rig_make(struct rig *rig, const char *name, unsigned nodes, bool local);
/* Starts it with further options (NULL-terminated; NULL: none) and waits until it is well; false: it ended or did not become well in 30 s. */
bool rig_start(struct rig *rig, const char *const *options);
pid_t rig_spawn(struct rig *rig, const char *const *options); /* without waiting */
void rig_connect(struct rig *rig);
int rig_stop(struct rig *rig, int signal); /* exit status; 128 + signal when killed */
void rig_remove(struct rig *rig);

/* The HTTP status; 0: no answer. `rig->reply` holds the answer until the next call. */
int rig_call(struct rig *rig, const char *method, const char *path, const char *query, const char *body,
             const char *key);
int rig_get(struct rig *rig, const char *path, const char *query);
int rig_post(struct rig *rig, const char *path, const char *body);
json_int_t rig_int(const struct rig *rig, const char *name);   /* of the answer; −1: absent */
const char *rig_text(const struct rig *rig, const char *name); /* ""; absent */
const char *rig_code(const struct rig *rig);                   /* of a refusal; "" else */
json_int_t rig_submit(struct rig *rig, const char *members,
                      const char *key); /* a job with these further members; its number, 0: refused */
bool rig_wait_state(struct rig *rig, json_int_t job, const char *state, int seconds);
