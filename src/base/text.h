#pragma once
/* Small verbs on C strings, in place of functions that overrun or guess. Pure. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies `from` into `to` of `size` (> 0) bytes, cut after a whole character where it must be; always terminated. False: cut. */
bool dure_text_copy(char *to, size_t size, const char *from);
/* For people: "260,000". Returns text. */
char *dure_text_grouped(int64_t value, char text[32]);
/* A whole number in decimal digits and nothing else, at most `max`. False: not one; *ret_value is left alone. */
bool dure_text_uint(const char *text, uint64_t max, uint64_t *ret_value);
