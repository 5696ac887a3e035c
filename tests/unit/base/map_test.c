#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "tap.h"

static void basics(void)
{
    struct dure_map map = {0};
    uint64_t value = 77;
    TAP_OK(!dure_map_get(&map, 1, &value), "nothing in an empty map");
    TAP_OK(!dure_map_remove(&map, 1), "nothing to remove either");
    TAP_OK(dure_map_put(&map, 1, 10), "put");
    TAP_OK(dure_map_put(&map, 0, 5), "key 0 is a key");
    TAP_OK(dure_map_put(&map, UINT64_MAX - 1, UINT64_MAX), "so is the largest but one");
    TAP_OK(dure_map_put(&map, 1, 11), "put again");
    TAP_EQ_INT(map.count, 3, "replacing does not count twice");
    TAP_OK(dure_map_get(&map, 1, &value) && value == 11, "the later value stands");
    TAP_OK(dure_map_get(&map, UINT64_MAX - 1, &value) && value == UINT64_MAX, "any value may be stored");
    value = 77;
    TAP_OK(!dure_map_get(&map, 2, &value) && value == 77, "a miss leaves the out-parameter alone");
    TAP_OK(dure_map_remove(&map, 1) && !dure_map_remove(&map, 1), "removed once, not twice");
    TAP_EQ_INT(map.count, 2, "and counted");
    dure_map_release(&map);
    TAP_OK(!dure_map_get(&map, 0, &value), "released is empty");
}

/* Keys whose home is one of the last slots, so that their run wraps round the end of the table. */
static uint64_t key_at_home(uint64_t home, uint64_t mask, uint64_t *from)
{
    while ((dure_hash64(*from) & mask) != home)
        (*from)++;
    return (*from)++;
}

/* Every order of removal from a wrapped run leaves the rest findable. */
static void removal_shifts_back_across_the_end(void)
{
    enum { COUNT = 7 };
    static const uint64_t homes[COUNT] = {14, 14, 15, 14, 15, 0, 1};
    uint64_t keys[COUNT], from = 1;
    for (int i = 0; i < COUNT; i++)
        keys[i] = key_at_home(homes[i], 15, &from);
    bool found_rest = true, gone = true;
    int orders = 0;
    for (unsigned order = 0; order < 5040; order++, orders++) {
        struct dure_map map = {0};
        for (int i = 0; i < COUNT; i++)
            dure_map_put(&map, keys[i], (uint64_t)i);
        int left[COUNT] = {0, 1, 2, 3, 4, 5, 6};
        unsigned code = order;
        for (int n = COUNT; n > 0; n--) {
            const int pick = (int)(code % (unsigned)n);
            code /= (unsigned)n;
            dure_map_remove(&map, keys[left[pick]]);
            uint64_t value;
            gone = gone && !dure_map_get(&map, keys[left[pick]], &value);
            left[pick] = left[n - 1];
            for (int i = 0; i < n - 1; i++)
                found_rest = found_rest && dure_map_get(&map, keys[left[i]], &value) && value == (uint64_t)left[i];
        }
        dure_map_release(&map);
    }
    TAP_EQ_INT(orders, 5040, "every order of removal was tried");
    TAP_OK(found_rest, "what was not removed is always found");
    TAP_OK(gone, "what was removed never is");
}

static void agrees_with_a_table(void)
{
    enum { KEYS = 512 };
    uint64_t seed = tap_seed(20260301);
    uint64_t want[KEYS];
    bool present[KEYS] = {false};
    uint64_t count = 0;
    struct dure_map map = {0};
    bool agrees = true;
    for (int step = 0; step < 200000 && agrees; step++) {
        const uint64_t key = tap_random_below(&seed, KEYS);
        uint64_t value = 0;
        switch (tap_random_below(&seed, 4)) {
        case 0:
            want[key] = tap_random(&seed);
            count += !present[key];
            present[key] = true;
            agrees = dure_map_put(&map, key * 1000003, want[key]);
            break;
        case 1: {
            uint64_t *at = dure_map_at(&map, key * 1000003, key);
            agrees = at != NULL && *at == (present[key] ? want[key] : key);
            want[key] = agrees ? ++*at : 0;
            count += !present[key];
            present[key] = true;
            break;
        }
        case 2:
            agrees = dure_map_remove(&map, key * 1000003) == present[key];
            count -= present[key];
            present[key] = false;
            break;
        default:
            agrees = dure_map_get(&map, key * 1000003, &value) == present[key] && (!present[key] || value == want[key]);
        }
        agrees = agrees && map.count == count;
    }
    TAP_OK(agrees, "200,000 random steps agree with a plain table");
    dure_map_release(&map);
}

static void put_reserved(void *arg)
{
    struct dure_map map = {0};
    (void)arg;
    (void)dure_map_put(&map, UINT64_MAX, 0);
}

static void get_reserved(void *arg)
{
    const struct dure_map map = {0};
    (void)dure_map_get(&map, UINT64_MAX, arg);
}

int main(void)
{
    uint64_t value = 0;
    basics();
    removal_shifts_back_across_the_end();
    agrees_with_a_table();
    TAP_ABORTS(put_reserved, NULL, "the reserved key is a programmer's error");
    TAP_ABORTS(get_reserved, &value, "also to ask for");
    return tap_done();
}
