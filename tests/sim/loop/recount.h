#pragma once
/* What power and data allow, counted again over everything that runs, from the specs alone. */
#include "world.h"

/* NULL, or what is wrong. */
const char *recount_data(const struct world *world);
const char *recount_power(const struct world *world);
