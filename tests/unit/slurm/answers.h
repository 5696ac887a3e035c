#pragma once
/* Answers of Slurm, kept with the fuzz target: the first line of a file is not part of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/slurm/parse.h"
#include "tap.h"

static const char *answers_folder;

/* The caller frees. */
__attribute__((unused)) static char *answer_of(const char *name, size_t *ret_length)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", answers_folder, name);
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(1 << 20);
    if (!file || !bytes)
        tap_bail("cannot read %s", path);
    const size_t length = fread(bytes, 1, (1 << 20) - 1, file);
    fclose(file);
    bytes[length] = '\0';
    char *newline = strchr(bytes, '\n');
    if (!newline)
        tap_bail("%s has no first line", path);
    *ret_length = length - (size_t)(newline + 1 - bytes);
    memmove(bytes, newline + 1, *ret_length + 1);
    return bytes;
}
