/* Does a gang fit into these nodes? By adding up what each takes, and what each cell of its spread does. */
#include <string.h>

#include "naive_walk.h"

static uint32_t room_on(const struct walk *w, const struct field *f, uint32_t i)
{
    if (f->fenced[i] || f->out[i] || f->nowhere[i])
        return 0;
    const uint32_t idle = (uint32_t)__builtin_popcountll(f->idle[i]);
    return naive_is_fraction(w->ask) ? f->shared[i] + idle * naive_tasks_a_gpu(w) : idle / w->ask->task_gpus;
}

static bool is_first_of_cell(const struct field *f, uint32_t first, uint32_t i)
{
    for (uint32_t k = first; k < i; k++)
        if (f->spread[k] == f->spread[i])
            return false;
    return true;
}

/* What the nodes [first, end) carry, in each cell of the spread no more than it lets in. With `per`, so many on each node that takes any; but for
 * `rest` on the node `odd` (NONE: there is none). */
static uint64_t carries(const struct walk *w, const struct field *f, uint32_t first, uint32_t end, uint32_t per,
                        uint32_t odd, uint32_t rest)
{
    const uint32_t most = w->ask->spread_max ? w->ask->spread_max : UINT32_MAX;
    uint64_t all = 0;
    for (uint32_t i = first; i < end; i++) {
        uint64_t room = 0, limit = most;
        if (w->ask->spread_max && !is_first_of_cell(f, first, i))
            continue;
        for (uint32_t k = i; k < (w->ask->spread_max ? end : i + 1); k++) {
            if (f->spread[k] != f->spread[i])
                continue;
            const uint32_t here = room_on(w, f, k);
            if (k == odd && (here < rest || limit < rest))
                return 0;
            if (k == odd)
                limit -= rest;
            else
                room += !per ? here : here >= per ? per : 0;
        }
        limit = per ? limit - limit % per : limit;
        all += room < limit ? room : limit;
    }
    return all + (odd == NONE ? 0 : rest);
}

static bool fits_window(const struct walk *w, const struct field *f, uint32_t first, uint32_t end)
{
    const uint32_t per = naive_is_fraction(w->ask) ? 0 : w->ask->tasks_per_node, rest = per ? w->ask->tasks % per : 0;
    for (uint32_t odd = first; rest && odd < end; odd++)
        if (carries(w, f, first, end, per, odd, rest) >= w->ask->tasks)
            return true;
    return !rest && carries(w, f, first, end, per, NONE, 0) >= w->ask->tasks;
}

/* In so many GPUs of one node that lie together. */
static bool fits_part(const struct walk *w, const struct field *f, uint32_t leaves)
{
    struct field one = *f;
    for (uint32_t i = 0; i < f->nodes; i++) {
        if (w->ask->tasks == 1 && f->shared[i] && room_on(w, f, i))
            return true; /* a single one lies in one cell wherever it joins others */
        one.shared[i] = 0;
        for (uint32_t at = 0; at + leaves <= f->gpus; at += leaves) {
            one.idle[i] = f->idle[i] & ((UINT64_C(1) << leaves) - 1) << at;
            if (fits_window(w, &one, i, i + 1))
                return true;
        }
    }
    return false;
}

static bool fits_in(const struct walk *w, const struct field *f, uint32_t leaves)
{
    if (!leaves)
        return fits_window(w, f, 0, f->nodes);
    if (leaves < f->gpus)
        return fits_part(w, f, leaves);
    for (uint32_t first = 0; first + leaves / f->gpus <= f->nodes; first += leaves / f->gpus)
        if (fits_window(w, f, first, first + leaves / f->gpus))
            return true;
    return false;
}

/* With the nodes (the rack) to itself that its data wants. */
bool naive_fits_as_asked(const struct walk *w, const struct field *field, uint32_t leaves)
{
    struct field f = *field;
    const struct request ask = naive_widened(w);
    struct walk wide = *w;
    wide.ask = &ask;
    if (leaves && ask.tasks > 1)
        memset(f.shared, 0, sizeof f.shared); /* where GPUs are shared is not chosen for what lies near them */
    if (naive_widest(w) != DURE_DATA_ANYBODY && f.gpus < w->c->node_gpus)
        return false; /* the rest of the node is somebody else's */
    return fits_in(&wide, &f, naive_alone(w) == DURE_DATA_RACK ? naive_rack(w) * w->c->node_gpus : leaves);
}

/* Of a right to less than a node, one part of it: how many parts lie on one node is not the private cluster's to say. */
bool naive_fits(const struct walk *w, const struct field *field, uint32_t leaves)
{
    struct request ask = *w->ask;
    struct walk shape = *w;
    bool fits = !naive_is_even(w) && naive_fits_as_asked(w, field, leaves);
    shape.ask = &ask;
    for (uint32_t each = ask.tasks; naive_is_even(w) && each > 0 && !fits; each--) {
        ask.tasks_per_node = each;
        fits = naive_may_lie(w, each) && (each == ask.tasks || field->gpus == w->c->node_gpus) &&
               naive_fits_as_asked(&shape, field, leaves);
    }
    return fits;
}

uint64_t naive_carries(const struct walk *w, const struct field *f, uint32_t each)
{
    return carries(w, f, 0, f->nodes, each, NONE, 0);
}
