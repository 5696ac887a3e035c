#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/local.h"

enum dure_err dure_minder_find(char *path, size_t size, struct dure_error *error)
{
    static const char *const places[] = {"dure-minder", "src/minder/dure-minder", "../minder/dure-minder",
                                         "../../../src/minder/dure-minder", "../libexec/dure/dure-minder"};
    const char *named = getenv("DURE_MINDER");
    char self[4096], tried[8192];
    if (named && named[0]) {
        if (strlen(named) >= size || access(named, X_OK) != 0)
            return dure_fail(error, DURE_E_NOT_FOUND, "DURE_MINDER names %.512s, which cannot be run", named);
        memcpy(path, named, strlen(named) + 1);
        return DURE_OK;
    }
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0)
        return dure_fail(error, DURE_E_NOT_FOUND, "dure-minder cannot be looked for: /proc is not there");
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (snprintf(tried, sizeof tried, "%s/%s", self, places[i]) < (int)size && access(tried, X_OK) == 0) {
            memcpy(path, tried, strlen(tried) + 1);
            return DURE_OK;
        }
    return dure_fail(
        error, DURE_E_NOT_FOUND,
        "dure-minder is not beside the running program (%.512s), nor where it is installed; set DURE_MINDER", self);
}
