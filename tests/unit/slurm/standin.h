#pragma once
/* Scripts that stand in for Slurm's commands. */
#include <stdio.h>
#include <sys/stat.h>

#include "tap.h"

static const char *commands; /* the folder where they are */

static void command(const char *name, const char *script)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", commands, name);
    FILE *file = fopen(path, "w");
    if (!file)
        tap_bail("cannot write %s", path);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    fclose(file);
    chmod(path, 0755);
}
