/* Class prices: expected work spread evenly over the classes that can host it; what then is spoken for by work that has little choice. */
#include <stdlib.h>
#include <string.h>

#include "advise/inner.h"

enum { ROUNDS = 8, LEVELS = 40 };

/* Work that can go to the same classes. */
struct kind {
    double demand; /* milli-GPU */
    double reach;  /* part of what is left that it can use */
    uint64_t *hosts;
    double *load; /* of each class */
};

struct spread {
    uint32_t classes, words, kinds;
    struct kind *kind;
    uint64_t *hosts;
    double *loads;
    double *load; /* of each class, all kinds together */
    double left;
};

/* How many GPUs a node has does not count here: whole GPUs beside each other have a price of their own (blocks). */
static bool hosts(const struct dure_advise_class *class, const struct dure_score_task *task)
{
    return class->gpus > 0 && (task->models >> class->model & 1) && class->cpu_milli >= task->cpu_milli &&
           class->memory_mib >= task->memory_mib;
}

static bool same(const struct spread *spread, const uint64_t *a, const uint64_t *b)
{
    return memcmp(a, b, spread->words * sizeof *a) == 0;
}

static void find_kinds(struct spread *spread, const struct dure_advise_input *input, double wanted)
{
    double all = 0;
    for (uint32_t i = 0; i < input->shape_count; i++)
        all += (double)input->shapes[i].weight * input->shapes[i].task.gpus * input->shapes[i].task.gpu_milli;
    for (uint32_t i = 0; i < input->shape_count && all > 0; i++) {
        const struct dure_score_task *task = &input->shapes[i].task;
        struct kind *kind = &spread->kind[spread->kinds];
        uint32_t k = 0;
        if (task->gpus == 0)
            continue;
        kind->hosts = spread->hosts + (size_t)spread->kinds * spread->words;
        memset(kind->hosts, 0, spread->words * sizeof *kind->hosts);
        for (uint32_t c = 0; c < spread->classes; c++)
            if (hosts(&input->classes[c], task))
                kind->hosts[c / 64] |= (uint64_t)1 << c % 64;
        while (k < spread->kinds && !same(spread, spread->kind[k].hosts, kind->hosts))
            k++;
        if (k == spread->kinds) {
            kind->load = spread->loads + (size_t)spread->kinds * spread->classes;
            kind->demand = 0;
            spread->kinds++;
        }
        spread->kind[k].demand += (double)input->shapes[i].weight * task->gpus * task->gpu_milli / all * wanted;
    }
}

static bool in(const struct kind *kind, uint32_t c)
{
    return kind->hosts[c / 64] >> c % 64 & 1;
}

/* Pours the kind's demand over its classes, on top of the others', up to one level. */
static void pour(struct spread *spread, struct kind *kind, const struct dure_advise_input *input)
{
    double low = 0, high = 0, room = 0;
    for (uint32_t c = 0; c < spread->classes; c++) {
        spread->load[c] -= kind->load[c];
        kind->load[c] = 0;
        if (!in(kind, c) || input->classes[c].left_gpu_milli <= 0)
            continue;
        const double left = (double)input->classes[c].left_gpu_milli;
        room += left;
        if (spread->load[c] / left > high)
            high = spread->load[c] / left;
    }
    if (room <= 0)
        return;
    high += kind->demand / room;
    for (int i = 0; i < LEVELS; i++) {
        const double level = (low + high) / 2;
        double poured = 0;
        for (uint32_t c = 0; c < spread->classes; c++) {
            const double left = (double)input->classes[c].left_gpu_milli;
            if (in(kind, c) && left * level > spread->load[c])
                poured += left * level - spread->load[c];
        }
        *(poured < kind->demand ? &low : &high) = level;
    }
    for (uint32_t c = 0; c < spread->classes; c++) {
        const double left = (double)input->classes[c].left_gpu_milli;
        if (in(kind, c) && left * high > spread->load[c]) {
            kind->load[c] = left * high - spread->load[c];
            spread->load[c] += kind->load[c];
        }
    }
}

static void set_prices(const struct dure_advise *advise, const struct spread *spread,
                       const struct dure_advise_input *input, struct dure_score_prices *prices)
{
    for (uint32_t c = 0; c < spread->classes; c++) {
        const double left = (double)input->classes[c].left_gpu_milli;
        double spoken = 0;
        for (uint32_t k = 0; k < spread->kinds && left > 0; k++)
            spoken += spread->kind[k].load[c] / left * (1 - spread->kind[k].reach);
        if (spoken > 1)
            spoken = 1;
        prices->class_permille[c] = (uint32_t)(advise->knobs.class_price * spoken * 1000);
    }
}

enum dure_err dure_advise_classes(const struct dure_advise *advise, const struct dure_advise_input *input,
                                  struct dure_score_prices *prices)
{
    struct spread spread = {.classes = input->class_count, .words = input->class_count / 64 + 1};
    spread.kind = calloc(input->shape_count + 1, sizeof *spread.kind);
    spread.hosts = calloc(((size_t)input->shape_count + 1) * spread.words, sizeof *spread.hosts);
    spread.loads = calloc(((size_t)input->shape_count + 1) * (spread.classes + 1), sizeof *spread.loads);
    spread.load = calloc(spread.classes + 1, sizeof *spread.load);
    const bool made = spread.kind && spread.hosts && spread.loads && spread.load;
    if (made) {
        for (uint32_t c = 0; c < spread.classes; c++)
            spread.left += (double)input->classes[c].left_gpu_milli;
        find_kinds(&spread, input, spread.left * advise->knobs.class_demand);
        for (uint32_t k = 0; k < spread.kinds && spread.left > 0; k++)
            for (uint32_t c = 0; c < spread.classes; c++)
                if (in(&spread.kind[k], c))
                    spread.kind[k].reach += (double)input->classes[c].left_gpu_milli / spread.left;
        for (int round = 0; round < ROUNDS; round++)
            for (uint32_t k = 0; k < spread.kinds; k++)
                pour(&spread, &spread.kind[k], input);
        set_prices(advise, &spread, input, prices);
    }
    free(spread.kind);
    free(spread.hosts);
    free(spread.loads);
    free(spread.load);
    return made ? DURE_OK : DURE_E_MEMORY;
}
