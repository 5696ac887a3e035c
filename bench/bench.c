#include "bench/bench.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/huge.h"
#include "bench/inner.h"
#include "bench/world.h"

static const struct bench benches[] = {
    {"submit", {.clients = 64, .seconds = 10, .fleet = ""}, "clients seconds fleet", bench_submit},
    {"start", {.jobs = 200}, "jobs", bench_start},
    {"recover", {.jobs = 1000000, .clients = 64, .fleet = ""}, "jobs fleet", bench_recover},
    {"load", {.fleet = ""}, "fleet", bench_load},
    {"place", {.nodes = 32500, .load_percent = 90}, "nodes mix load", bench_place},
    {"gang", {.nodes = 32500, .gpus = 8192}, "gpus", bench_gang},
    {"scale", {.load_percent = 90}, "", bench_scale},
    {"reclaim", {.nodes = 32500, .gpus = 4000}, "gpus", bench_reclaim},
    {"no", {.nodes = 32500, .load_percent = 90}, "", bench_no},
    {"estimate", {.nodes = 70, .jobs = 20000}, "jobs", bench_estimate},
    {"shares", {.nodes = 64}, "", bench_shares},
    {"lifecycle",
     {.nodes = 32500, .clients = 64, .seconds = 10, .mixed = true},
     "nodes mix clients seconds",
     bench_lifecycle},
    {"workload", {.nodes = 32500}, "nodes file", bench_workload},
    {"sim", {.nodes = 32500, .jobs = 10000000, .days = 365}, "nodes jobs days", bench_sim},
    {"queue", {.nodes = 32500, .pending = 1000000}, "pending", bench_queue},
};

static const struct option long_options[] = {
    {"clients", required_argument, NULL, 'c'},
    {"seconds", required_argument, NULL, 's'},
    {"jobs", required_argument, NULL, 'n'},
    {"fleet", required_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},
    {"nodes", required_argument, NULL, 'N'},
    {"mix", required_argument, NULL, 'm'},
    {"load", required_argument, NULL, 'l'},
    {"gpus", required_argument, NULL, 'g'},
    {"pending", required_argument, NULL, 'p'},
    {"file", required_argument, NULL, 'F'},
    {"days", required_argument, NULL, 'd'},
    {NULL, 0, NULL, 0},
};

static bool number(const char *name, const char *text, uint64_t max, uint64_t *ret_value)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > max) {
        fprintf(stderr, "dure bench: --%s: found '%s', expected a number from 1 to %llu\n", name, text,
                (unsigned long long)max);
        return false;
    }
    *ret_value = value;
    return true;
}

/* "mixed" or "single"; "0.9" or ".90": up to two decimals, from 0.01 to 1. */
static bool mix(const char *text, struct bench_options *options)
{
    options->mixed = strcmp(text, "mixed") == 0;
    if (options->mixed || strcmp(text, "single") == 0)
        return true;
    fprintf(stderr, "dure bench: --mix: found '%s', expected single or mixed\n", text);
    return false;
}

static bool load(const char *text, struct bench_options *options)
{
    char *end;
    double value = strtod(text, &end);
    if (*end == '\0' && value >= 0.01 && value <= 1.0) {
        options->load_percent = (unsigned)(value * 100 + 0.5);
        return true;
    }
    fprintf(stderr, "dure bench: --load: found '%s', expected a fraction from 0.01 to 1\n", text);
    return false;
}

static bool takes(const struct bench *bench, const char *option)
{
    const size_t length = strlen(option);
    for (const char *at = bench->options; (at = strstr(at, option)) != NULL; at += length)
        if ((at == bench->options || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return strcmp(option, "json") == 0;
}

/* The least and the most of each option that is a number. */
static bool set_number(const char *name, int letter, struct bench_options *options)
{
    uint64_t value = 0;
    const uint64_t most = letter == 'c'   ? 1000
                          : letter == 's' ? 3600
                          : letter == 'N' ? BENCH_NODES_MOST
                          : letter == 'g' ? BENCH_GANG_MOST
                          : letter == 'p' ? 3000000
                          : letter == 'd' ? 3660
                                          : 10000000;
    if (!number(name, optarg, most, &value))
        return false;
    if ((letter == 'N' && value < BENCH_NODES_LEAST) || (letter == 'g' && value < BENCH_GANG_LEAST)) {
        fprintf(stderr, "dure bench: --%s: found '%s', expected at least %d\n", name, optarg,
                letter == 'N' ? BENCH_NODES_LEAST : BENCH_GANG_LEAST);
        return false;
    }
    switch (letter) {
    case 'c': options->clients = (unsigned)value; break;
    case 's': options->seconds = (unsigned)value; break;
    case 'N': options->nodes = (uint32_t)value; break;
    case 'g': options->gpus = (uint32_t)value; break;
    case 'd': options->days = (uint32_t)value; break;
    case 'p': options->pending = value; break;
    default: options->jobs = value; break;
    }
    return true;
}

/* The example beside the source tree, or the installed one. */
static const char *default_fleet(char *path, size_t size)
{
    static const char *const tails[] = {"../examples/fleets/korea.yaml", "../share/dure/examples/fleets/korea.yaml"};
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return NULL;
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    /* The program itself, or where the link build/dure leads: one or two folders below the build's top. */
    for (unsigned up = 0; up < 4 && slash != NULL; up++) {
        *slash = '\0';
        for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++)
            if (snprintf(path, size, "%s/%s", program, tails[i]) < (int)size && access(path, R_OK) == 0)
                return path;
        slash = strrchr(program, '/');
    }
    return NULL;
}

static bool read_options(const struct bench *bench, int argc, char **argv, struct bench_options *options)
{
    int index = 0, letter;

    optind = 0;
    while ((letter = getopt_long(argc, argv, "", long_options, &index)) != -1) {
        if (letter == '?')
            return false;
        if (!takes(bench, long_options[index].name)) {
            fprintf(stderr, "dure bench %s: --%s is not an option of this bench\n", bench->name,
                    long_options[index].name);
            return false;
        }
        if (letter == 'j')
            options->json = true;
        else if (letter == 'f')
            options->fleet = optarg;
        else if (letter == 'F')
            options->file = optarg;
        else if (letter == 'm' || letter == 'l') {
            if (letter == 'm' ? !mix(optarg, options) : !load(optarg, options))
                return false;
        } else if (!set_number(long_options[index].name, letter, options))
            return false;
    }
    if (optind < argc) {
        fprintf(stderr, "dure bench %s: found '%s', expected options only\n", bench->name, argv[optind]);
        return false;
    }
    return true;
}

static int run(const struct bench *bench, const struct bench_options *options)
{
    struct dure_buf json DURE_CLEANUP_BUF = {0};
    struct dure_buf words DURE_CLEANUP_BUF = {0};
    struct dure_error error = {0};

    dure_buf_init(&json, 1 << 16);
    dure_buf_init(&words, 1 << 16);
    enum dure_err err = bench->run(options, &json, &words, &error);
    if (err != DURE_OK) {
        fprintf(stderr, "dure bench %s: %s\n", bench->name,
                error.text[0] != '\0' ? error.text : dure_err_sentence(err));
        return 1;
    }
    if (options->json)
        printf("{\"bench\":\"%s\",%s}\n", bench->name, json.data);
    else
        printf("%-8s %s\n", bench->name, words.data);
    return fflush(stdout) == 0 ? 0 : 1;
}

int dure_bench_main(int argc, char **argv)
{
    char path[4096];
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
        if (argc < 1 || strcmp(argv[0], benches[i].name) != 0)
            continue;
        struct bench_options options = benches[i].defaults;
        dure_huge_begin(); /* as the daemon does */
        options.progress = isatty(STDERR_FILENO) == 1;
        if (!read_options(&benches[i], argc, argv, &options))
            return 2;
        if (options.fleet != NULL && options.fleet[0] == '\0' &&
            (options.fleet = default_fleet(path, sizeof path)) == NULL) {
            fprintf(stderr,
                    "dure bench %s: examples/fleets/korea.yaml is not beside this program; name a fleet with --fleet "
                    "FILE\n",
                    argv[0]);
            return 2;
        }
        if (takes(&benches[i], "file") && options.file == NULL) {
            fprintf(stderr, "dure bench %s: name the workload with --file FILE\n", argv[0]);
            return 2;
        }
        return run(&benches[i], &options);
    }
    fprintf(stderr,
            "dure bench: found '%s', expected submit, start, recover, load, place, gang, scale, reclaim, no, "
            "lifecycle, workload, sim or queue\n",
            argc < 1 ? "" : argv[0]);
    return 2;
}
