#include "faultfs.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tap.h"

enum { FILES = 8, SECTOR = 512, FILE_MAX = 1 << 26 };

struct content {
    char name[512];
    bool there;
    uint8_t *now, *durable; /* FILE_MAX each, mostly untouched pages */
    uint8_t *dirty;         /* by sector: written since the last sync, whether that succeeded or not */
    int64_t now_size, durable_size;
};

struct handle {
    sqlite3_file base;
    struct content *content;
};

static struct {
    struct content file[FILES];
    unsigned full_in, sync_in, read_in, cut_in;
    bool full, dead;
    unsigned syncs;
} disk;

static bool counts_down(unsigned *left)
{
    return *left && --*left == 0;
}

static bool power_gone(void)
{
    disk.dead = disk.dead || counts_down(&disk.cut_in);
    return disk.dead;
}

static struct content *find(const char *name)
{
    for (unsigned i = 0; i < FILES; i++)
        if (disk.file[i].there && strcmp(disk.file[i].name, name) == 0)
            return &disk.file[i];
    return NULL;
}

static struct content *find_suffix(const char *suffix)
{
    for (unsigned i = 0; i < FILES; i++) {
        const size_t length = strlen(disk.file[i].name), tail = strlen(suffix);
        if (disk.file[i].there && length >= tail && strcmp(disk.file[i].name + length - tail, suffix) == 0)
            return &disk.file[i];
    }
    return NULL;
}

static int fs_close(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static void touch(struct content *content, int64_t from, int64_t to)
{
    for (int64_t sector = from / SECTOR; sector * SECTOR < to; sector++)
        content->dirty[sector] = 1;
}

static int fs_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 at)
{
    const struct content *content = ((struct handle *)file)->content;
    if (disk.dead || counts_down(&disk.read_in))
        return SQLITE_IOERR_READ;
    const int64_t left = content->now_size > at ? content->now_size - at : 0, part = left < length ? left : length;
    memcpy(bytes, content->now + at, (size_t)part);
    memset((uint8_t *)bytes + part, 0, (size_t)(length - part));
    return part == length ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int fs_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 at)
{
    struct content *content = ((struct handle *)file)->content;
    if (power_gone())
        return SQLITE_IOERR_WRITE;
    disk.full = disk.full || counts_down(&disk.full_in);
    if (disk.full)
        return SQLITE_FULL;
    if (at + length > FILE_MAX)
        return SQLITE_FULL;
    memcpy(content->now + at, bytes, (size_t)length);
    touch(content, at, at + length);
    if (content->now_size < at + length)
        content->now_size = at + length;
    return SQLITE_OK;
}

static int fs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct content *content = ((struct handle *)file)->content;
    if (power_gone())
        return SQLITE_IOERR_TRUNCATE;
    if (size < content->now_size) {
        memset(content->now + size, 0, (size_t)(content->now_size - size));
        touch(content, size, content->now_size);
    }
    content->now_size = size;
    return SQLITE_OK;
}

static int fs_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    struct content *content = ((struct handle *)file)->content;
    if (power_gone())
        return SQLITE_IOERR_FSYNC;
    /* As Linux does it: after a failed sync the pages count as clean, readers see them, and no later sync writes them. */
    const bool fails = counts_down(&disk.sync_in);
    const int64_t sectors =
        ((content->now_size > content->durable_size ? content->now_size : content->durable_size) + SECTOR - 1) / SECTOR;
    for (int64_t sector = 0; sector < sectors; sector++) {
        if (content->dirty[sector] && !fails)
            memcpy(content->durable + sector * SECTOR, content->now + sector * SECTOR, SECTOR);
        content->dirty[sector] = 0;
    }
    if (fails)
        return SQLITE_IOERR_FSYNC;
    disk.syncs++;
    content->durable_size = content->now_size;
    return SQLITE_OK;
}

static int fs_size(sqlite3_file *file, sqlite3_int64 *size)
{
    *size = ((struct handle *)file)->content->now_size;
    return SQLITE_OK;
}

static int fs_lock(sqlite3_file *file, int kind)
{
    (void)file, (void)kind;
    return SQLITE_OK;
}

static int fs_reserved(sqlite3_file *file, int *reserved)
{
    (void)file;
    *reserved = 0;
    return SQLITE_OK;
}

static int fs_control(sqlite3_file *file, int what, void *argument)
{
    (void)file, (void)what, (void)argument;
    return SQLITE_NOTFOUND;
}

static int fs_sector(sqlite3_file *file)
{
    (void)file;
    return SECTOR;
}

static int fs_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* Version 1 has no shared memory: with exclusive locking the WAL needs none, and it fails should the journal ever ask for it. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = fs_close,
    .xRead = fs_read,
    .xWrite = fs_write,
    .xTruncate = fs_truncate,
    .xSync = fs_sync,
    .xFileSize = fs_size,
    .xLock = fs_lock,
    .xUnlock = fs_lock,
    .xCheckReservedLock = fs_reserved,
    .xFileControl = fs_control,
    .xSectorSize = fs_sector,
    .xDeviceCharacteristics = fs_characteristics,
};

static int fs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    (void)vfs;
    struct handle *handle = (struct handle *)file;
    handle->base.pMethods = NULL;
    if (disk.dead || !name)
        return SQLITE_CANTOPEN;
    handle->content = find(name);
    for (unsigned i = 0; !handle->content && flags & SQLITE_OPEN_CREATE && i < FILES; i++) {
        struct content *content = &disk.file[i];
        if (content->there)
            continue;
        content->there = true;
        content->now_size = content->durable_size = 0;
        dure_text_copy(content->name, sizeof content->name, name);
        if (!content->now) {
            content->now = calloc(1, FILE_MAX);
            content->durable = calloc(1, FILE_MAX);
            content->dirty = calloc(1, FILE_MAX / SECTOR);
        }
        if (!content->now || !content->durable || !content->dirty)
            tap_bail("out of memory");
        handle->content = content;
    }
    if (!handle->content)
        return SQLITE_CANTOPEN;
    handle->base.pMethods = &methods;
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static int fs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs, (void)sync_folder;
    struct content *content = find(name);
    if (power_gone())
        return SQLITE_IOERR_DELETE;
    if (!content)
        return SQLITE_IOERR_DELETE_NOENT;
    content->there = false;
    return SQLITE_OK;
}

static int fs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    (void)vfs, (void)flags;
    const struct content *content = find(name);
    *ret = content && content->now_size > 0;
    return SQLITE_OK;
}

static int fs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
    (void)vfs;
    dure_text_copy(ret, (size_t)size, name);
    ret[size - 1] = '\0';
    return SQLITE_OK;
}

void faultfs_register(void)
{
    static sqlite3_vfs vfs;
    vfs = *sqlite3_vfs_find(NULL); /* time and randomness are the system's */
    vfs.iVersion = 1;
    vfs.zName = "fault";
    vfs.szOsFile = sizeof(struct handle);
    vfs.pNext = NULL;
    vfs.xOpen = fs_open;
    vfs.xDelete = fs_delete;
    vfs.xAccess = fs_access;
    vfs.xFullPathname = fs_full_path;
    sqlite3_vfs_register(&vfs, 0);
}

void faultfs_clear(void)
{
    for (unsigned i = 0; i < FILES; i++) {
        struct content *content = &disk.file[i];
        if (content->now) {
            memset(content->now, 0, (size_t)content->now_size);
            memset(content->durable, 0, (size_t)content->durable_size);
            memset(content->dirty, 0, FILE_MAX / SECTOR);
        }
        content->there = false;
    }
    disk.full_in = disk.sync_in = disk.read_in = disk.cut_in = disk.syncs = 0;
    disk.full = disk.dead = false;
}

void faultfs_full_after(unsigned writes)
{
    disk.full_in = writes;
    disk.full = false;
}

void faultfs_sync_fails_after(unsigned syncs)
{
    disk.sync_in = syncs;
}

void faultfs_read_fails_after(unsigned reads)
{
    disk.read_in = reads;
}

void faultfs_power_cut_after(unsigned calls)
{
    disk.cut_in = calls;
    disk.dead = !calls;
}

bool faultfs_is_dead(void)
{
    return disk.dead;
}

void faultfs_power_on(uint64_t seed)
{
    for (unsigned i = 0; i < FILES; i++) {
        struct content *content = &disk.file[i];
        if (!content->there)
            continue;
        const int64_t was = content->now_size;
        int64_t size = content->durable_size;
        /* A file may have grown although its new sectors were not written: then they are zeros. */
        if (seed && was > size && tap_random_below(&seed, 2))
            size = was;
        for (int64_t at = 0; at < (was > size ? was : size); at += SECTOR) {
            const bool keep = seed && at < size && tap_random_below(&seed, 2);
            if (keep)
                continue;
            if (at < content->durable_size)
                memcpy(content->now + at, content->durable + at, SECTOR);
            else
                memset(content->now + at, 0, SECTOR);
        }
        content->now_size = size;
        memcpy(content->durable, content->now, (size_t)size);
        memset(content->dirty, 0, FILE_MAX / SECTOR);
        content->durable_size = size;
    }
    disk.full_in = disk.sync_in = disk.read_in = disk.cut_in = 0;
    disk.full = disk.dead = false;
}

unsigned faultfs_syncs(void)
{
    return disk.syncs;
}

void faultfs_damage(const char *suffix, int64_t at)
{
    struct content *content = find_suffix(suffix);
    if (!content)
        tap_bail("no file *%s", suffix);
    if (at < 0)
        at += content->now_size;
    content->now[at] ^= 0xff;
    content->durable[at] ^= 0xff;
}

int64_t faultfs_find(const char *suffix, const void *bytes, uint64_t length)
{
    const struct content *content = find_suffix(suffix);
    const uint8_t *at = content ? memmem(content->durable, (size_t)content->durable_size, bytes, length) : NULL;
    return at ? at - content->durable : -1;
}

void faultfs_remove(const char *suffix)
{
    struct content *content = find_suffix(suffix);
    if (content)
        content->there = false;
}
