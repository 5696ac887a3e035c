#pragma once
/* Which state may follow which: one table each for jobs (or elements), attempts, nodes and allotments. */
#include "model/record.h"

bool dure_move_job(unsigned from, unsigned to);     /* 0 = not there yet; ended states lead nowhere */
bool dure_move_attempt(unsigned from, unsigned to); /* 0 = not there yet */
bool dure_move_node(unsigned from, unsigned to);
bool dure_move_allot(unsigned from, unsigned to); /* 0 = not there yet */
