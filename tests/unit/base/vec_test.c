#include <stdint.h>

#include "base/vec.h"
#include "tap.h"

struct thing {
    uint64_t a, b, c;
};

int main(void)
{
    DURE_VEC(struct thing) things = {0};
    bool pushed = true;
    for (uint64_t i = 0; i < 1000; i++)
        pushed = DURE_VEC_PUSH(&things, ((struct thing){i, i * 2, i * 3}), 1000) && pushed;
    TAP_OK(pushed, "a thousand fit under a ceiling of a thousand");
    TAP_EQ_INT(things.count, 1000, "and are counted");
    TAP_EQ_INT(things.at[999].c, 2997, "and kept");
    TAP_EQ_INT(things.capacity, 1000, "the last doubling stops at the ceiling");
    TAP_OK(!DURE_VEC_PUSH(&things, (struct thing){0}, 1000), "one more is refused");
    TAP_EQ_INT(things.count, 1000, "without effect");
    TAP_OK(DURE_VEC_PUSH(&things, ((struct thing){7, 7, 7}), 1001), "a higher ceiling lets it in");
    TAP_EQ_INT(things.at[1000].b, 7, "at the end");
    DURE_VEC_FREE(&things);
    TAP_OK(things.at == NULL && things.count == 0 && things.capacity == 0, "freed is empty");
    TAP_OK(!DURE_VEC_PUSH(&things, (struct thing){0}, 0), "a ceiling of nothing");
    TAP_OK(DURE_VEC_PUSH(&things, (struct thing){0}, 1), "and it may be filled again");
    DURE_VEC_FREE(&things);

    void *at = NULL;
    size_t capacity = 0;
    TAP_OK(!dure_vec_grow(&at, &capacity, 0, SIZE_MAX / 4, SIZE_MAX), "a size over the top is refused");
    TAP_OK(at == NULL && capacity == 0, "without effect");
    capacity = SIZE_MAX / 2 + 1;
    TAP_OK(!dure_vec_grow(&at, &capacity, capacity, 1, SIZE_MAX), "a doubling over the top is refused");
    TAP_EQ_UINT(capacity, SIZE_MAX / 2 + 1, "without effect");
    return tap_done();
}
