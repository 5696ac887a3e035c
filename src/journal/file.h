#pragma once
/* Files that must be whole or not there: written beside their name, fsynced, then named; and the folder fsynced. */
#include "base/buf.h"
#include "base/err.h"

/* "directory/name" in a new string; NULL: out of memory. */
char *dure_file_path(const char *directory, const char *name);
/* A new file, mode 0600. E_STATE: it exists. */
DURE_NODISCARD enum dure_err dure_file_create(const char *path, const void *bytes, size_t length,
                                              struct dure_error *error);
/* As dure_file_create, but takes the place of an old one. */
DURE_NODISCARD enum dure_err dure_file_replace(const char *path, const void *bytes, size_t length,
                                               struct dure_error *error);
/* E_NOT_FOUND: not there; E_LIMIT: longer than the buffer's ceiling. */
DURE_NODISCARD enum dure_err dure_file_read(const char *path, struct dure_buf *ret_bytes, struct dure_error *error);
/* Copies to a new file (mode 0600), fsynced; ret_sha256 may be NULL. E_STATE: it exists. */
DURE_NODISCARD enum dure_err dure_file_copy(const char *from, const char *to, uint8_t ret_sha256[32],
                                            struct dure_error *error);
DURE_NODISCARD enum dure_err dure_file_sha256(const char *path, uint8_t ret_sha256[32], struct dure_error *error);
DURE_NODISCARD enum dure_err dure_file_sync_directory(const char *path, struct dure_error *error);
/* Writes all; false with errno set. */
bool dure_file_write(int fd, const void *bytes, size_t length);
/* The code for an errno met while writing: E_FULL for a full disk, quota or size limit, E_PERMISSION, E_IO. */
enum dure_err dure_file_errno(int number);
