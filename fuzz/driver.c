/* Runs a fuzz target over every file of the folders given, and over each with its tail cut off, as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20, CUTS = 64 };

/* A copy of exactly `size` bytes, so that a sanitizer sees any read past its end. */
static void run_once(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        tap_bail("out of memory");
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_file(const char *folder, const char *name)
{
    static uint8_t data[INPUT_MAX];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        tap_bail("cannot read %s", path);
    const size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    run_once(data, size);
    for (size_t cut = 1; cut < CUTS; cut++)
        run_once(data, size * cut / CUTS);
    TAP_OK(size < INPUT_MAX, "%s, whole and cut %d times", name, CUTS - 1);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct dirent **entries;
        const int count = scandir(argv[i], &entries, visible, alphasort);
        if (count < 0)
            tap_bail("cannot list %s", argv[i]);
        for (int e = 0; e < count; e++) {
            run_file(argv[i], entries[e]->d_name);
            free(entries[e]);
        }
        free(entries);
    }
    return tap_done();
}
