#pragma once
/* What the journal's tests share: opening, made-up leaves, appending and reading back. */
#include "journal/journal.h"

/* Opens (creating) in `directory`; ends the test when that fails. */
struct dure_journal *kit_open(const char *directory);
struct dure_journal_options kit_options(const char *directory);
/* A new folder in tap_tempdir(). The strings of these two live until the process ends. */
const char *kit_folder(const char *name);
const char *kit_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The made-up leaf `sequence`: 100 to 199 bytes that only this sequence gives. */
size_t kit_leaf(uint64_t sequence, uint8_t leaf[256]);
/* Appends leaves size..size+count-1, with a body for each leaf and an answer for each when `rows`. The digest's first lane is the new size. */
enum dure_err kit_append(struct dure_journal *journal, uint32_t count, bool rows, struct dure_error *error);
/* Every leaf from 0 is kit_leaf's. */
bool kit_reads_back(struct dure_journal *journal);
/* The file holds these bytes somewhere. */
bool kit_file_has(const char *path, const void *bytes, size_t length);
/* Runs a command line; its exit status. */
int kit_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
