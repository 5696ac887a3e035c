#pragma once
/* The small fleet and the tenants of the simulated world, and random work for them. */
#include "world.h"

extern struct dure_fleet *specs_fleet; /* after specs_load */
extern struct dure_tenants *specs_tenants;
extern struct dure_data *specs_data;
void specs_load(struct world *world); /* parses them once and puts them into the journal */
void specs_random_submit(struct world *world);
void specs_random_power(struct world *world); /* limits that fall at once or soon, and end within the hour */
void specs_free(void);
