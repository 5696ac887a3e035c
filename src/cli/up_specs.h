#pragma once
/* What `dure up` declares: this machine as a fleet (alone, or added to a file's), and a home for the person who runs it. */
#include "cli/cli.h"
#include "engine/discover.h"

enum { DURE_UP_VIRTUAL_MAX = 8, DURE_UP_CHAINS_MAX = 64 };

struct dure_up_specs {
    struct dure_machine machine;
    uint32_t virtual_gpus; /* 0: the machine's own GPUs */
    struct dure_tree *fleet;
    struct dure_tree *tenants;
    char login[128];
    char project[160]; /* "home/mina" */
    bool guaranteed;   /* the home has an allotment */
    bool added;        /* this machine was added to the file's fleet */
};

/* The person as the daemon knows them: the login of this uid. */
void dure_up_login(char login[128]);
/* Fills `fleet` from --fleet FILE (NULL: this machine alone). An exit code; messages are out. */
int dure_up_fleet(struct dure_cli *cli, const char *file, struct dure_up_specs *specs);
/* Fills `tenants` from --tenants FILE (NULL: home alone). After dure_up_fleet. */
int dure_up_tenants(struct dure_cli *cli, const char *file, struct dure_up_specs *specs);
