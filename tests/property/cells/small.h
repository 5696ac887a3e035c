#pragma once
/* All states of small chains, instead of some states of large ones. */
void every_small_state(void);
