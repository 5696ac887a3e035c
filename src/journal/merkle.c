#include "journal/merkle.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "base/err.h"

/* Fetching a digest by name takes longer than hashing a leaf, so it is fetched once, and each thread keeps one context. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;
static pthread_key_t context_key;
static _Thread_local EVP_MD_CTX *context;

static void free_context(void *old)
{
    EVP_MD_CTX_free(old);
}

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    DURE_ASSERT(sha256);
    DURE_ASSERT(pthread_key_create(&context_key, free_context) == 0);
}

static EVP_MD_CTX *my_context(void)
{
    if (context)
        return context;
    DURE_ASSERT(pthread_once(&once, fetch) == 0);
    context = EVP_MD_CTX_new();
    DURE_ASSERT(context && pthread_setspecific(context_key, context) == 0);
    return context;
}

static void hash2(const void *first, size_t first_length, const void *second, size_t second_length,
                  uint8_t ret_hash[DURE_HASH_BYTES])
{
    EVP_MD_CTX *mine = my_context();
    const int ok = EVP_DigestInit_ex2(mine, sha256, NULL) && EVP_DigestUpdate(mine, first, first_length) &&
                   EVP_DigestUpdate(mine, second, second_length) && EVP_DigestFinal_ex(mine, ret_hash, NULL);
    DURE_ASSERT(ok);
}

void dure_merkle_leaf(const void *entry, size_t length, uint8_t ret_hash[DURE_HASH_BYTES])
{
    static const uint8_t prefix = 0x00;
    hash2(&prefix, 1, entry, length, ret_hash);
}

void dure_merkle_node(const uint8_t left[DURE_HASH_BYTES], const uint8_t right[DURE_HASH_BYTES],
                      uint8_t ret_hash[DURE_HASH_BYTES])
{
    uint8_t both[1 + 2 * DURE_HASH_BYTES] = {0x01};
    memcpy(both + 1, left, DURE_HASH_BYTES);
    memcpy(both + 1 + DURE_HASH_BYTES, right, DURE_HASH_BYTES);
    hash2(both, sizeof both, NULL, 0, ret_hash);
}

void dure_merkle_fold(uint8_t (*hashes)[DURE_HASH_BYTES], size_t count, uint8_t ret_root[DURE_HASH_BYTES])
{
    DURE_ASSERT(count && (count & (count - 1)) == 0);
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++)
            dure_merkle_node(hashes[2 * i], hashes[2 * i + 1], hashes[i]);
    memmove(ret_root, hashes[0], DURE_HASH_BYTES);
}

void dure_frontier_add(struct dure_frontier *frontier, const uint8_t leaf_hash[DURE_HASH_BYTES])
{
    uint8_t hash[DURE_HASH_BYTES];
    unsigned level = 0;
    memcpy(hash, leaf_hash, sizeof hash);
    for (; frontier->size >> level & 1; level++)
        dure_merkle_node(frontier->node[level], hash, hash);
    memcpy(frontier->node[level], hash, sizeof hash);
    frontier->size++;
}

void dure_frontier_root(const struct dure_frontier *frontier, uint8_t ret_root[DURE_HASH_BYTES])
{
    if (!frontier->size) {
        hash2(NULL, 0, NULL, 0, ret_root);
        return;
    }
    unsigned level = (unsigned)__builtin_ctzll(frontier->size);
    uint8_t hash[DURE_HASH_BYTES];
    memcpy(hash, frontier->node[level], sizeof hash);
    for (level++; level < DURE_FRONTIER_MAX; level++)
        if (frontier->size >> level & 1)
            dure_merkle_node(frontier->node[level], hash, hash);
    memcpy(ret_root, hash, sizeof hash);
}

/* RFC 9162 §2.1.3.2, which states for a verifier what RFC 6962 §2.1.1 defines. */
bool dure_merkle_inclusion_ok(uint64_t index, uint64_t size, const uint8_t leaf_hash[DURE_HASH_BYTES],
                              const uint8_t (*path)[DURE_HASH_BYTES], unsigned path_length,
                              const uint8_t root[DURE_HASH_BYTES])
{
    if (index >= size)
        return false;
    uint64_t node = index, last = size - 1;
    uint8_t hash[DURE_HASH_BYTES];
    memcpy(hash, leaf_hash, sizeof hash);
    for (unsigned i = 0; i < path_length; i++) {
        if (!last)
            return false;
        if (node & 1 || node == last) {
            dure_merkle_node(path[i], hash, hash);
            while (!(node & 1) && node) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            dure_merkle_node(hash, path[i], hash);
        }
        node >>= 1;
        last >>= 1;
    }
    return !last && memcmp(hash, root, sizeof hash) == 0;
}

/* RFC 9162 §2.1.4.2. */
bool dure_merkle_consistency_ok(uint64_t old_size, uint64_t size, const uint8_t old_root[DURE_HASH_BYTES],
                                const uint8_t root[DURE_HASH_BYTES], const uint8_t (*path)[DURE_HASH_BYTES],
                                unsigned path_length)
{
    if (old_size > size)
        return false;
    if (old_size == size)
        return !path_length && memcmp(old_root, root, DURE_HASH_BYTES) == 0;
    if (!old_size)
        return !path_length;
    uint64_t node = old_size - 1, last = size - 1;
    for (; node & 1; node >>= 1)
        last >>= 1;
    /* When the old tree is complete (a power of two), its root is the first hash and is not in the path. */
    const bool complete = (old_size & (old_size - 1)) == 0;
    if (!complete && !path_length)
        return false;
    uint8_t before[DURE_HASH_BYTES], after[DURE_HASH_BYTES];
    memcpy(before, complete ? old_root : path[0], sizeof before);
    memcpy(after, before, sizeof after);
    for (unsigned i = complete ? 0 : 1; i < path_length; i++) {
        if (!last)
            return false;
        if (node & 1 || node == last) {
            dure_merkle_node(path[i], before, before);
            dure_merkle_node(path[i], after, after);
            while (!(node & 1) && node) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            dure_merkle_node(after, path[i], after);
        }
        node >>= 1;
        last >>= 1;
    }
    return !last && memcmp(before, old_root, sizeof before) == 0 && memcmp(after, root, sizeof after) == 0;
}
