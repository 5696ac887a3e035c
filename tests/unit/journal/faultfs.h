#pragma once
/* A file layer for SQLite that keeps files in memory and can fail: a disk that fills up, a sync that fails, and a power cut, after which only what
 * was synced is there, or, of what was not, any subset of its 512-byte sectors. The folder's other files (key, lock) stay on the real disk. */
#include <stdbool.h>
#include <stdint.h>

void faultfs_register(void); /* the layer's name is "fault" */
void faultfs_clear(void);    /* forgets all files and faults */

/* The n-th write from now and all after it find the disk full; 0: never. Likewise the n-th sync fails; the n-th read fails. */
void faultfs_full_after(unsigned writes);
void faultfs_sync_fails_after(unsigned syncs);
void faultfs_read_fails_after(unsigned reads);
/* Turns the power off at the n-th write or sync from now (0: right now): that call and all later ones fail. */
void faultfs_power_cut_after(unsigned calls);
bool faultfs_is_dead(void);
/* Power comes back: unsynced sectors are each kept or lost by `seed` (0: all lost). */
void faultfs_power_on(uint64_t seed);
unsigned faultfs_syncs(void); /* since the last clear */
/* The n-th byte of the database from the start (or, negative, from the end) is inverted. */
void faultfs_damage(const char *suffix, int64_t at);
/* The first place of these bytes in the durable content of a file whose name ends so; −1: none. */
int64_t faultfs_find(const char *suffix, const void *bytes, uint64_t length);
void faultfs_remove(const char *suffix);
