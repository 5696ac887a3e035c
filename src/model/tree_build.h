#pragma once
/* What both parsers of the tree share. */
#include "model/tree.h"

/* Sets `ret_twice` to the first entry of a map whose key stands before it already, else to NULL. O(n log n). False: out of memory. */
bool dure_tree_duplicate(const struct dure_tree *map, const struct dure_tree **ret_twice);
