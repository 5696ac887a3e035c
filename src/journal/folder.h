#pragma once
/* A folder being filled by a backup or a restore: it must be new or empty, and on failure holds again what it held. */
#include "base/buf.h"
#include "base/err.h"

enum { DURE_FOLDER_FILES_MAX = 64 };

struct dure_folder {
    char *path;
    bool made, made_snapshots;
    char *file[DURE_FOLDER_FILES_MAX]; /* names written so far */
    unsigned file_count;
};

/* E_STATE: it is not empty. */
DURE_NODISCARD enum dure_err dure_folder_open(struct dure_folder *folder, const char *path, struct dure_error *error);
/* Notes that `name` ("key", "snapshots/…", made as needed) is about to be written. */
DURE_NODISCARD enum dure_err dure_folder_add(struct dure_folder *folder, const char *name, struct dure_error *error);
DURE_NODISCARD enum dure_err dure_folder_sync(struct dure_folder *folder, struct dure_error *error);
/* `keep` false: removes everything that was added. */
void dure_folder_close(struct dure_folder *folder, bool keep);

extern const char dure_manifest_first[]; /* the first line of a MANIFEST */
