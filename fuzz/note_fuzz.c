/* Text that comes from outside: checkpoints, proofs, verifier keys, base64. What is taken must be written the same way by us: there is one spelling of each thing. */
#include <stdlib.h>
#include <string.h>

#include "journal/base64.h"
#include "journal/note.h"
#include "journal/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key that signed the corpus. */
static const uint8_t key[32] = {0xc2, 0x16, 0xfa, 0x86, 0xd5, 0x0d, 0xa3, 0x0a, 0xf3, 0x43, 0xaa,
                                0x14, 0xb4, 0xc5, 0x3f, 0x6f, 0x53, 0x85, 0xcf, 0xf7, 0xcd, 0xc5,
                                0x1f, 0x77, 0x15, 0xed, 0xe9, 0xf5, 0x83, 0xaa, 0x0f, 0xa8};

static void base64(const char *text, size_t size)
{
    uint8_t *bytes = malloc(size + 1);
    size_t length = 0;
    if (bytes && dure_base64_decode(text, size, bytes, size, &length)) {
        struct dure_buf again;
        dure_buf_init(&again, size + 8);
        dure_base64_add(&again, bytes, length);
        DURE_ASSERT(again.length == size && (!size || memcmp(again.data, text, size) == 0));
        dure_buf_release(&again);
    }
    free(bytes);
}

static void verifier_key(const char *text)
{
    char origin[128];
    uint8_t public_key[32];
    if (dure_verifier_parse(text, origin, public_key, NULL))
        return;
    struct dure_buf again;
    dure_buf_init(&again, 1024);
    dure_verifier_key(origin, public_key, &again);
    DURE_ASSERT(strcmp(again.data, text) == 0);
    dure_buf_release(&again);
}

static void checkpoint(const char *text, size_t size)
{
    struct dure_checkpoint is;
    struct dure_error error = {0};
    const enum dure_err err = dure_checkpoint_verify(text, size, key, &is, &error);
    if (err) {
        DURE_ASSERT(err == DURE_E_CORRUPT && error.code == err && error.text[0]);
        return;
    }
    struct dure_buf again;
    dure_buf_init(&again, 1024);
    dure_buf_printf(&again, "%s\n%llu\n", is.origin, (unsigned long long)is.size);
    dure_base64_add(&again, is.root, sizeof is.root);
    dure_buf_byte(&again, '\n');
    DURE_ASSERT(size > again.length && memcmp(text, again.data, again.length) == 0);
    dure_buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    base64(text, size);
    if (strlen(text) == size)
        verifier_key(text);
    checkpoint(text, size);
    struct dure_checkpoint is, old = {.origin = "example.kr/dure", .size = 5};
    uint64_t index = 0;
    /* No proof holds for a leaf and an old root that are not the log's. */
    DURE_ASSERT(dure_proof_verify(text, size, "another leaf", 12, key, &is, &index, NULL) == DURE_E_CORRUPT);
    DURE_ASSERT(dure_consistency_verify(text, size, &old, key, &is, NULL) == DURE_E_CORRUPT);
    free(text);
    return 0;
}
