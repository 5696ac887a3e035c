#pragma once
/* Figures of the shipped code paths. Each bench makes a temporary state of its own, removes it, and prints one line of words or (--json) one JSON object a
 * line. Linked into `dure`; run as `dure bench NAME`. */
#include "base/err.h"

/* argv[0] = the bench's name ("submit"), then options. Returns the exit status: 0 measured, 1 failed, 2 bad usage. */
int dure_bench_main(int argc, char **argv);
