#pragma once
/* Well-formed UTF-8 as Unicode's table 3-7 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Pure. */
#include <stdbool.h>
#include <stddef.h>

/* The length of the well-formed sequence that `text` begins with (at most `length` bytes are looked at); 0: none, and *ret_bad is
 * how many bytes one replacement character stands for. */
size_t dure_utf8_next(const char *text, size_t length, size_t *ret_bad);
bool dure_utf8_valid(const char *text, size_t length);
/* Puts '?' for every byte that is part of no well-formed sequence: a text cut in the middle of a character is whole again. */
void dure_utf8_mend(char *text);
