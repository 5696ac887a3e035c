/* Slurm's words for a failure, and what they mean for who asked. The words are those of slurm_errno.c, which have not changed in years; a code
 * would be better, but the commands print none. */
#include "engine/slurm/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void slurm_reply_init(struct dure_slurm_reply *reply)
{
    *reply = (struct dure_slurm_reply){.result = DURE_SLURM_DONE, .text = "", .version = "", .api = ""};
}

void slurm_reply_fail(struct dure_slurm_reply *reply, struct dure_arena *arena, enum dure_slurm_result result,
                      const char *format, ...)
{
    char text[SLURM_WORDS_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *copy = arena ? dure_arena_strdup(arena, text) : NULL;
    reply->result = result;
    reply->text = copy ? copy : dure_slurm_result_name(result);
}

static bool holds(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcasestr(text, *words))
            return true;
    return false;
}

enum dure_slurm_result slurm_judge(const char *words, bool *ret_unsent)
{
    static const char *const never_sent[] = {"connect failure",
                                             "Could not establish a configuration source",
                                             "Unable to process configuration file",
                                             "Connection refused",
                                             "DNS SRV lookup failed",
                                             NULL};
    static const char *const silent[] = {"Unable to contact slurm controller",
                                         "Socket timed out",
                                         "Zero Bytes were transmitted",
                                         "Connection timed out",
                                         "Communication connection failure",
                                         "Communication shutdown failure",
                                         "Unexpected message received",
                                         "Transport endpoint",
                                         "send failure",
                                         "receive failure",
                                         "Message receive",
                                         "Message send",
                                         "Unspecified error", /* what a list says when slurmctld does not answer */
                                         "Unable to establish control machine",
                                         "in standby mode",
                                         "Resource temporarily unavailable",
                                         NULL};
    static const char *const denied[] = {"uthentication",
                                         "Access/permission denied",
                                         "Invalid user id",
                                         "Munge encode failed",
                                         "Munge decode failed",
                                         "Invalid credential",
                                         "not authorized",
                                         "Unauthorized",
                                         NULL};
    /* Before anything is sent a client wants its own credential: what it says of munge means that nothing was. */
    const bool own_credential = strcasestr(words, "Munge encode failed") != NULL;
    const bool unsent = own_credential || holds(words, never_sent);
    enum dure_slurm_result result = DURE_SLURM_REFUSED;
    if (own_credential || holds(words, denied))
        result = DURE_SLURM_DENIED;
    else if (unsent || holds(words, silent))
        result = DURE_SLURM_NO_ANSWER;
    if (ret_unsent)
        *ret_unsent = unsent;
    return result;
}

/* slurmctld hangs up on what it cannot verify, and tells its own log alone. */
const char *slurm_hint(const char *words, bool by_rest)
{
    if (by_rest)
        return strstr(words, "Zero Bytes") ? " (is it this Slurm's token?)" : "";
    return strstr(words, "Zero Bytes") || strstr(words, "Unspecified error")
               ? " (if slurmctld runs: do the clocks agree, and the keys of munge?)"
               : "";
}
