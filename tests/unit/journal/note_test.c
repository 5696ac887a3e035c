/* Keys, signed notes, verifier keys; and that a checkpoint verifies with the openssl command alone, by the commands of docs/reference/audit.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/base64.h"
#include "journal/note.h"
#include "kit.h"
#include "tap.h"

static struct dure_error error;

static void base64(void)
{
    static const struct {
        const char *text;
        const char *bytes;
        int length;
    } cases[] = {{"", "", 0},          {"Zg==", "f", 1},           {"Zm8=", "fo", 2},
                 {"Zm9v", "foo", 3},   {"Zm9vYg==", "foob", 4},    {"/+8=", "\xff\xef", 2},
                 {"Zh==", NULL, -1},   {"Zm9=", NULL, -1},         {"Zg=", NULL, -1},
                 {"Zg", NULL, -1},     {"Z===", NULL, -1},         {"=Zg=", NULL, -1},
                 {"Zm 9", NULL, -1},   {"Zm9vYg==Zm9v", NULL, -1}, {"-_8=", NULL, -1},
                 {"Zm9v\n", NULL, -1}, {"====", NULL, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[64];
        size_t length = 0;
        const bool ok = dure_base64_decode(cases[i].text, strlen(cases[i].text), bytes, sizeof bytes, &length);
        TAP_OK(cases[i].length < 0 ? !ok
                                   : ok && (int)length == cases[i].length && memcmp(bytes, cases[i].bytes, length) == 0,
               "base64 \"%s\"", cases[i].text);
    }
    uint8_t two[2];
    size_t length;
    TAP_OK(!dure_base64_decode("Zm9v", 4, two, sizeof two, &length), "more bytes than there is room");
}

static void keys(const char *folder)
{
    const char *path = kit_path("%s/key", folder), *other = kit_path("%s/other", folder);
    struct dure_signer *signer = NULL;
    TAP_EQ_INT(dure_signer_load(path, &signer, &error), DURE_E_NOT_FOUND, "no key");
    TAP_HAS(error.text, "missing", "says so");
    TAP_HAS(error.text, "`dured --new-key`", "and which command begins a new one");
    TAP_EQ_INT(dure_signer_create(path, &error), DURE_OK, "made");
    TAP_EQ_INT(dure_signer_create(path, &error), DURE_E_STATE, "never overwritten");
    struct stat status;
    TAP_OK(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600, "mode 0600");
    chmod(path, 0640);
    TAP_EQ_INT(dure_signer_load(path, &signer, &error), DURE_E_PERMISSION, "readable by a group");
    TAP_HAS(error.text, "chmod 600", "what to do");
    chmod(path, 0600);
    TAP_EQ_INT(kit_shell("openssl pkey -in %s -noout -text | grep -q ED25519", path), 0, "openssl reads it");
    TAP_EQ_INT(
        kit_shell("umask 077; openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out %s 2>/dev/null", other),
        0, "another kind of key");
    TAP_EQ_INT(dure_signer_load(other, &signer, &error), DURE_E_CORRUPT, "is refused");
    TAP_EQ_INT(
        kit_shell("umask 077; openssl genpkey -algorithm ED25519 -aes256 -pass pass:x -out %s 2>/dev/null </dev/null",
                  other),
        0, "a key with a password");
    TAP_EQ_INT(dure_signer_load(other, &signer, &error), DURE_E_CORRUPT, "is refused, without asking");
    TAP_EQ_INT(kit_shell("umask 077; echo nonsense > %s", other), 0, "nonsense");
    TAP_EQ_INT(dure_signer_load(other, &signer, &error), DURE_E_CORRUPT, "is refused");
    TAP_EQ_INT(dure_signer_create("/nonexistent/key", &error), DURE_E_NOT_FOUND, "no such folder");
    dure_signer_free(NULL);
}

static void verifier_keys(const char *folder)
{
    const char *path = kit_path("%s/key", folder);
    struct dure_signer *signer = NULL;
    uint8_t public_key[32], again[32];
    char origin[128];
    TAP_EQ_INT(dure_signer_load(path, &signer, &error), DURE_OK, "load");
    dure_signer_public(signer, public_key);
    struct dure_buf text;
    dure_buf_init(&text, 1000);
    dure_verifier_key("example.kr/dure", public_key, &text);
    TAP_EQ_INT(dure_verifier_parse(text.data, origin, again, &error), DURE_OK, "%s", text.data);
    TAP_EQ_STR(origin, "example.kr/dure", "origin");
    TAP_EQ_MEM(again, public_key, 32, "key");
    text.data[20] = text.data[20] == '0' ? '1' : '0';
    TAP_EQ_INT(dure_verifier_parse(text.data, origin, again, &error), DURE_E_INVALID, "an id that is not the key's");
    /* The example of the signed-note specification. */
    TAP_EQ_INT(dure_verifier_parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", origin, again,
                                   &error),
               DURE_OK, "a known key with its known id");
    TAP_EQ_STR(origin, "PeterNeumann", "name");
    static const char *const bad[] = {"",
                                      "a",
                                      "a+b",
                                      "a+00000000+",
                                      "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                                      "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
                                      "PeterNeumann+c74f20a3+AhpcAAAAAAAA",
                                      "PeterNeumann+c74f20a3+AhpcAhpcAhpcAhpcAhpcAhpcAhpcAhpcAhpcAhpcAhpc",
                                      "PeterNeumann+c74f20a+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TAP_EQ_INT(dure_verifier_parse(bad[i], origin, again, &error), DURE_E_INVALID, "bad verifier key %zu", i);
    dure_buf_release(&text);
    dure_signer_free(signer);
}

/* The published example of a signed note by PeterNeumann, whose text is no checkpoint: only its signature is looked at. */
static void known_signature(void)
{
    static const char text[] =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    uint8_t key[64], signature[128];
    size_t key_length = 0, length = 0;
    const char *const line =
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    TAP_OK(dure_base64_decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", 44, key, sizeof key, &key_length) &&
               key_length == 33,
           "key");
    TAP_OK(dure_base64_decode(line, strlen(line), signature, sizeof signature, &length) && length == 68, "signature");
    TAP_OK(dure_signature_ok(key + 1, text, sizeof text - 1, signature + 4), "verifies");
    TAP_OK(!dure_signature_ok(key + 1, text, sizeof text - 2, signature + 4), "not without its last newline");
}

static void origins(void)
{
    static const char *const good[] = {"a", "example.kr/dure", "두레.kr/log"}, *const bad[] = {"",
                                                                                               "a b",
                                                                                               "a+b",
                                                                                               "a\tb",
                                                                                               "a\nb",
                                                                                               "\xff",
                                                                                               "a\xc2\xa0"
                                                                                               "b",
                                                                                               "a\xe3\x80\x80",
                                                                                               "a\xe2\x80\x83"
                                                                                               "b",
                                                                                               "\x7f",
                                                                                               "\xc0\x80",
                                                                                               "\xed\xa0\x80"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        TAP_OK(dure_origin_ok(good[i]), "good origin %zu", i);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        TAP_OK(!dure_origin_ok(bad[i]), "bad origin %zu", i);
    char text[200];
    memset(text, 'a', sizeof text);
    text[127] = '\0';
    TAP_OK(dure_origin_ok(text), "127 bytes");
    text[127] = 'a';
    text[128] = '\0';
    TAP_OK(!dure_origin_ok(text), "128 bytes");
}

static void checkpoints(const char *folder)
{
    const char *path = kit_path("%s/key", folder), *second_path = kit_path("%s/second", folder);
    struct dure_signer *signer = NULL, *second = NULL;
    uint8_t key[32], second_key[32];
    struct dure_checkpoint is = {.origin = "example.kr/dure", .size = 20852163, .root = {1, 2, 3}}, got;
    TAP_OK(!dure_signer_load(path, &signer, &error) && !dure_signer_create(second_path, &error) &&
               !dure_signer_load(second_path, &second, &error),
           "two keys");
    dure_signer_public(signer, key);
    dure_signer_public(second, second_key);
    struct dure_buf note;
    dure_buf_init(&note, DURE_NOTE_MAX);
    TAP_EQ_INT(dure_checkpoint_sign(signer, &is, &note, &error), DURE_OK, "signed");
    TAP_EQ_INT(dure_checkpoint_verify(note.data, note.length, key, &got, &error), DURE_OK, "verified");
    TAP_OK(memcmp(&is, &got, sizeof is) == 0, "as it was");
    TAP_EQ_INT(dure_checkpoint_verify(note.data, note.length, second_key, &got, &error), DURE_E_CORRUPT,
               "not with another key");
    TAP_HAS(error.text, "not signed by key", "says so");
    TAP_EQ_INT(dure_checkpoint_cosign(second, &note, &error), DURE_OK, "signed by a second");
    TAP_EQ_INT(dure_checkpoint_verify(note.data, note.length, key, &got, &error), DURE_OK, "verified by the first");
    TAP_EQ_INT(dure_checkpoint_verify(note.data, note.length, second_key, &got, &error), DURE_OK, "and the second");
    unsigned taken = 0;
    for (size_t i = 0; i < note.length; i++) {
        /* One bit of the first signature's line or of the text; the second signature stays as it was, so that its own bytes do not count. */
        if (i > note.length - 130)
            break;
        note.data[i] ^= 1;
        taken += !dure_checkpoint_verify(note.data, note.length, key, &got, &error);
        note.data[i] ^= 1;
    }
    TAP_EQ_INT(taken, 0, "no bit may change");
    for (size_t length = 0; length < note.length - 130; length++)
        taken += !dure_checkpoint_verify(note.data, length, key, &got, &error);
    TAP_EQ_INT(taken, 0, "nor may it be cut");
    dure_buf_release(&note);
    dure_signer_free(signer);
    dure_signer_free(second);
}

static void bad_notes(void)
{
    const uint8_t key[32] = {0};
    struct dure_checkpoint got;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "not lines"},
        {"a", "not lines"},
        {"\n", "line 1"},
        {"a b\n", "no space"},
        {"a\n", "line 2"},
        {"a\nx\n", "line 2"},
        {"a\n01\n", "line 2"},
        {"a\n-1\n", "line 2"},
        {"a\n18446744073709551616\n", "line 2"},
        {"a\n1\n", "line 3"},
        {"a\n1\nAAAA\n", "line 3"},
        {"a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "no blank line"},
        {"a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n", "not signed"},
        {"a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nsigned\n", "signature line 1"},
        {"a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a\n", "signature line 1"},
        {"a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a AAAA\n", "signature line 1"},
        {"a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a AAAAAAA=\n", "not signed"},
        {"a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 a AAAAAAA=\n\n", "signature line 2"},
        {"a\r\n1\n", "not lines"},
        {"\xff\n", "not lines"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        TAP_EQ_INT(dure_checkpoint_verify(cases[i].text, strlen(cases[i].text), key, &got, &error), DURE_E_CORRUPT,
                   "bad note %zu", i);
        TAP_HAS(error.text, cases[i].says, "bad note %zu", i);
    }
}

/* docs/reference/audit.md, word for word. */
static void openssl_alone(void)
{
    const char *folder = kit_folder("openssl");
    struct dure_journal *journal = kit_open(folder);
    for (unsigned i = 0; i < 3; i++)
        TAP_EQ_INT(kit_append(journal, 100, false, &error), DURE_OK, "append");
    struct dure_buf text;
    dure_buf_init(&text, 100000);
    uint8_t key[32], leaf[256];
    dure_journal_public_key(journal, key);
    dure_verifier_key("example.kr/dure", key, &text);
    dure_buf_byte(&text, '\n');
    FILE *file = fopen(kit_path("%s/vkey", folder), "w");
    fwrite(text.data, 1, text.length, file);
    fclose(file);
    dure_buf_clear(&text);
    TAP_EQ_INT(dure_journal_proof(journal, 137, &text, &error), DURE_OK, "a proof");
    file = fopen(kit_path("%s/137.tlog-proof", folder), "w");
    fwrite(text.data, 1, text.length, file);
    fclose(file);
    file = fopen(kit_path("%s/137.leaf", folder), "w");
    fwrite(leaf, 1, kit_leaf(137, leaf), file);
    fclose(file);
    dure_buf_release(&text);
    dure_journal_close(journal);
    const char *root = getenv("DURE_SOURCE_ROOT");
    if (!root) {
        tap_skip("DURE_SOURCE_ROOT is not set");
        return;
    }
    /* The page's indented shell lines between its two marks are the script. */
    TAP_EQ_INT(kit_shell("sed -n '/^<!-- checkpoint begins -->/,/^<!-- checkpoint ends -->/s/^    //p' "
                         "%s/docs/reference/audit.md > %s/checkpoint.sh",
                         root, folder),
               0, "taken from the page");
    TAP_EQ_INT(kit_shell("sed -n '/^<!-- inclusion begins -->/,/^<!-- inclusion ends -->/s/^    //p' "
                         "%s/docs/reference/audit.md > %s/inclusion.sh",
                         root, folder),
               0, "taken from the page");
    TAP_EQ_INT(
        kit_shell("cd %s && sh -e checkpoint.sh > out 2>&1 && grep -q 'Signature Verified Successfully' out", folder),
        0, "openssl verifies the checkpoint");
    TAP_EQ_INT(kit_shell("cd %s && sh -e inclusion.sh > out 2>&1 && grep -q '^leaf 137 is in the log$' out", folder), 0,
               "and the proof");
    TAP_EQ_INT(kit_shell("cd %s && printf x >> 137.leaf && ! sh -e inclusion.sh > out 2>&1", folder), 0,
               "but not of another leaf");
    TAP_EQ_INT(kit_shell("cd %s && sed -i '2s/300/301/' checkpoint && ! sh -e checkpoint.sh > out 2>&1", folder), 0,
               "nor another size");
}

int main(void)
{
    base64();
    const char *folder = kit_folder("keys");
    keys(folder);
    verifier_keys(folder);
    known_signature();
    origins();
    checkpoints(folder);
    bad_notes();
    openssl_alone();
    return tap_done();
}
