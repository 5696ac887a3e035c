/* The elements of an array: one cursor, and two short sorted lists for what does not follow it. */
#include <stdlib.h>
#include <string.h>

#include "core/state/domains.h"
#include "core/state/jobs.h"

bool job_ordinal(const struct job *job, uint32_t element, uint32_t *ret_ordinal)
{
    if (!job->d.array_count) {
        if (element != 0 && element != NONE)
            return false;
        *ret_ordinal = 0;
        return true;
    }
    if (element < job->d.array_first || (element - job->d.array_first) % job->d.array_step)
        return false;
    const uint32_t ordinal = (element - job->d.array_first) / job->d.array_step;
    if (ordinal >= job->d.array_count)
        return false;
    *ret_ordinal = ordinal;
    return true;
}

/* Index of the first ordinal >= `ordinal`. */
static uint32_t place_of(const struct ordinals *list, uint32_t ordinal)
{
    if (!list->count || list->at[list->count - 1] < ordinal)
        return list->count;
    uint32_t low = 0, high = list->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (list->at[middle] < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has(const struct ordinals *list, uint32_t ordinal)
{
    const uint32_t place = place_of(list, ordinal);
    return place < list->count && list->at[place] == ordinal;
}

static void hash_ordinal(struct dure_core *core, uint64_t domain, uint64_t job, uint32_t ordinal, bool in)
{
    const uint64_t bytes[2] = {job, ordinal};
    const struct dure_digest term = dure_hash_words(domain, bytes, 2);
    (in ? dure_digest_add : dure_digest_sub)(&core->digest, term);
}

static void insert(struct ordinals *list, uint32_t ordinal)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 8;
        list->at = dure_core_grow(list->at, sizeof *list->at, list->capacity);
    }
    const uint32_t place = place_of(list, ordinal);
    memmove(list->at + place + 1, list->at + place, (list->count - place) * sizeof *list->at);
    list->at[place] = ordinal;
    list->count++;
}

static void erase(struct ordinals *list, uint32_t ordinal)
{
    const uint32_t place = place_of(list, ordinal);
    DURE_ASSERT(place < list->count && list->at[place] == ordinal);
    list->count--;
    memmove(list->at + place, list->at + place + 1, (list->count - place) * sizeof *list->at);
}

static struct elements *elements_of(struct job *job)
{
    if (!job->elements)
        job->elements = dure_core_alloc(sizeof *job->elements, 1);
    return job->elements;
}

bool job_next_exceptional(const struct job *job, uint32_t *ret_ordinal)
{
    const struct elements *e = job->elements;
    uint32_t next = job->d.cursor;
    if (e->back.count) { /* always below the cursor */
        *ret_ordinal = e->back.at[0];
        return true;
    }
    for (uint32_t i = place_of(&e->gone, next); i < e->gone.count && e->gone.at[i] == next; i++)
        next++;
    if (next >= job_ordinals(job))
        return false;
    *ret_ordinal = next;
    return true;
}

bool job_is_exception(const struct job *job, uint32_t ordinal)
{
    return has(ordinal >= job->d.cursor ? &job->elements->gone : &job->elements->back, ordinal);
}

uint32_t job_exceptions(const struct job *job)
{
    return job->elements->back.count - (job->elements->gone.count - place_of(&job->elements->gone, job->d.cursor));
}

void job_take_ordinal(struct dure_core *core, struct job *job, uint32_t ordinal)
{
    DURE_ASSERT(job_is_pending(job, ordinal));
    core->pending_count--;
    if (ordinal < job->d.cursor) {
        erase(&job->elements->back, ordinal);
        hash_ordinal(core, DOMAIN_BACK, job->d.id, ordinal, false);
        return;
    }
    uint32_t next = 0;
    if (ordinal == job->d.cursor || (job_next_ordinal(job, &next) && next == ordinal)) {
        job->d.cursor = ordinal + 1;
        while (job->elements && job->elements->gone.count && job->elements->gone.at[0] < job->d.cursor) {
            hash_ordinal(core, DOMAIN_GONE, job->d.id, job->elements->gone.at[0], false);
            erase(&job->elements->gone, job->elements->gone.at[0]);
        }
        return;
    }
    insert(&elements_of(job)->gone, ordinal);
    hash_ordinal(core, DOMAIN_GONE, job->d.id, ordinal, true);
}

void job_back_ordinal(struct dure_core *core, struct job *job, uint32_t ordinal)
{
    DURE_ASSERT(ordinal < job_ordinals(job) && !job_is_pending(job, ordinal));
    core->pending_count++;
    if (ordinal + 1 == job->d.cursor) {
        job->d.cursor--; /* the usual case of a batch job, and of an array's last element */
        return;
    }
    if (ordinal >= job->d.cursor) { /* an element that ran before its turn */
        erase(&job->elements->gone, ordinal);
        hash_ordinal(core, DOMAIN_GONE, job->d.id, ordinal, false);
        return;
    }
    insert(&elements_of(job)->back, ordinal);
    hash_ordinal(core, DOMAIN_BACK, job->d.id, ordinal, true);
}

void job_take_rest(struct dure_core *core, struct job *job)
{
    core->pending_count -= job_pending_count(job);
    job->d.cursor = job_ordinals(job);
    if (!job->elements)
        return;
    for (uint32_t i = 0; i < job->elements->back.count; i++)
        hash_ordinal(core, DOMAIN_BACK, job->d.id, job->elements->back.at[i], false);
    for (uint32_t i = 0; i < job->elements->gone.count; i++)
        hash_ordinal(core, DOMAIN_GONE, job->d.id, job->elements->gone.at[i], false);
    job->elements->back.count = job->elements->gone.count = 0;
}

void job_set_elements(struct dure_core *core, struct job *job, const struct elements *elements)
{
    if (!elements->back.at && !elements->gone.at)
        return;
    *elements_of(job) = *elements;
    for (uint32_t i = 0; i < elements->back.count; i++)
        hash_ordinal(core, DOMAIN_BACK, job->d.id, elements->back.at[i], true);
    for (uint32_t i = 0; i < elements->gone.count; i++)
        hash_ordinal(core, DOMAIN_GONE, job->d.id, elements->gone.at[i], true);
}
