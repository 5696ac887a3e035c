/* The token of a REST site. It is in memory and in requests, never in a message. */
#include "engine/slurm/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TOKEN_BYTES_MAX = 16384 };

static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* What a token claims, NULL: nothing that can be read. Its signature is Slurm's business. */
static json_t *claims_of(const char *token)
{
    char claims[4096];
    size_t used = 0;
    unsigned bits = 0, held = 0;
    const char *at = strchr(token, '.');
    for (at = at ? at + 1 : ""; digit(*at) >= 0 && used + 1 < sizeof claims; at++) {
        bits = (bits << 6 | (unsigned)digit(*at)) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            claims[used++] = (char)(bits >> held & 255);
        }
    }
    return json_loadb(claims, used, JSON_REJECT_DUPLICATES, NULL);
}

/* When the token runs out; 0: it does not say. */
static int64_t expiry(const char *token)
{
    json_t *claims = claims_of(token);
    const int64_t seconds = slurm_number(claims, "exp", 0);
    json_decref(claims);
    return seconds;
}

bool slurm_token_owner(const char *path, char owner[64])
{
    char text[TOKEN_BYTES_MAX + 1];
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    const ssize_t length = fd < 0 ? -1 : read(fd, text, TOKEN_BYTES_MAX);
    if (fd >= 0)
        close(fd);
    text[length < 0 ? 0 : length] = '\0';
    json_t *claims = claims_of(text);
    explicit_bzero(text, sizeof text);
    const char *name = json_string_value(json_object_get(claims, "sun"));
    if (!name)
        name = json_string_value(json_object_get(claims, "username"));
    const bool told = name && *name && strlen(name) < 64;
    if (told)
        memcpy(owner, name, strlen(name) + 1);
    json_decref(claims);
    return told;
}

static enum dure_err current(const struct dure_slurm *slurm, struct dure_error *error)
{
    const int64_t until = slurm->token_until;
    if (!until || until > (int64_t)time(NULL))
        return DURE_OK;
    return dure_fail(error, DURE_E_DENIED, "%s: the token ran out %lld s ago; make a new one (scontrol token)",
                     slurm->site.token_file, (long long)time(NULL) - until);
}

static enum dure_err take(struct dure_slurm *slurm, char *text, int64_t stamp, struct dure_error *error)
{
    static const char head[] = "SLURM_JWT="; /* as `scontrol token` prints it */
    char *token = text + strspn(text, " \t\n");
    if (strncmp(token, head, sizeof head - 1) == 0)
        token += sizeof head - 1;
    token[strcspn(token, " \t\r\n")] = '\0';
    if (!*token || token[strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/")])
        return dure_fail(error, DURE_E_INVALID, "%s: found no token, expected one line as `scontrol token` prints it",
                         slurm->site.token_file);
    char *copy = strdup(token);
    if (!copy)
        return dure_fail(error, DURE_E_MEMORY, "out of memory");
    if (slurm->token)
        explicit_bzero(slurm->token, strlen(slurm->token));
    free(slurm->token);
    slurm->token = copy;
    slurm->token_stamp = stamp;
    slurm->token_until = expiry(copy);
    return current(slurm, error);
}

static enum dure_err look(struct dure_slurm *slurm, int fd, struct dure_error *error)
{
    struct stat status;
    char text[TOKEN_BYTES_MAX + 1];
    const char *path = slurm->site.token_file;
    if (fstat(fd, &status) != 0)
        return dure_fail(error, DURE_E_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return dure_fail(error, DURE_E_INVALID, "%s: found no plain file", path);
    if (status.st_mode & 077)
        return dure_fail(error, DURE_E_PERMISSION,
                         "%s: others may read it (mode %03o); chmod 600, and make a new token", path,
                         status.st_mode & 0777);
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return dure_fail(error, DURE_E_PERMISSION, "%s: belongs to user %u, expected %u", path, status.st_uid,
                         geteuid());
    const int64_t stamp = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
    if (slurm->token && stamp == slurm->token_stamp)
        return current(slurm, error);
    const ssize_t length = read(fd, text, TOKEN_BYTES_MAX);
    if (length < 0)
        return dure_fail(error, DURE_E_IO, "%s: %s", path, strerror(errno));
    text[length] = '\0';
    const enum dure_err err = take(slurm, text, stamp, error);
    explicit_bzero(text, sizeof text);
    return err;
}

enum dure_err slurm_token_read(struct dure_slurm *slurm, struct dure_error *error)
{
    const int fd = open(slurm->site.token_file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return dure_fail(error,
                         errno == ENOENT   ? DURE_E_NOT_FOUND
                         : errno == EACCES ? DURE_E_PERMISSION
                                           : DURE_E_IO,
                         "%s: %s", slurm->site.token_file, strerror(errno));
    const enum dure_err err = look(slurm, fd, error);
    close(fd);
    return err;
}
