/* Answers already given, by the person and the key they chose, for a day or for the newest million. */
#include <string.h>

#include "loop/internal.h"

static uint32_t make_key(char key[4 + DURE_IDEM_KEY_MAX], uint32_t principal, const char *text)
{
    size_t length = strnlen(text, DURE_IDEM_KEY_MAX);
    memcpy(key, &principal, 4);
    memcpy(key + 4, text, length);
    return (uint32_t)(4 + length);
}

struct idem_entry *idem_find(struct dure_loop *loop, struct dure_principal_id principal, const char *text)
{
    char key[4 + DURE_IDEM_KEY_MAX];
    struct idem_entry *entry;
    uint32_t length = make_key(key, principal.v, text);
    HASH_FIND(hh, loop->idems, key, length, entry);
    return entry;
}

static void drop_oldest(struct dure_loop *loop)
{
    struct idem_entry *entry = loop->idem_oldest;
    loop->idem_oldest = entry->newer;
    if (loop->idem_oldest == NULL)
        loop->idem_newest = NULL;
    HASH_DELETE(hh, loop->idems, entry);
    loop->idem_count--;
    free(entry);
}

bool idem_add(struct dure_loop *loop, struct dure_principal_id principal, const char *text, uint64_t hash,
              int64_t time_us, const struct dure_answer *answer)
{
    char key[4 + DURE_IDEM_KEY_MAX];
    uint32_t length = make_key(key, principal.v, text);
    struct idem_entry *entry = malloc(sizeof *entry + length);

    if (entry == NULL)
        return false;
    while (loop->idem_oldest != NULL &&
           (loop->idem_count >= DURE_IDEMS_MAX || loop->idem_oldest->time_us < time_us - DURE_DAY_US))
        drop_oldest(loop);
    *entry = (struct idem_entry){.request_hash = hash, .time_us = time_us, .answer = *answer, .key_length = length};
    entry->answer.text = "";
    memcpy(entry->key, key, length);
    HASH_ADD_KEYPTR(hh, loop->idems, entry->key, length, entry);
    if (loop->idem_newest != NULL)
        loop->idem_newest->newer = entry;
    else
        loop->idem_oldest = entry;
    loop->idem_newest = entry;
    loop->idem_count++;
    return true;
}

void idem_free(struct dure_loop *loop)
{
    while (loop->idem_oldest != NULL)
        drop_oldest(loop);
}
