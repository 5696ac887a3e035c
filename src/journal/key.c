#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/file.h"
#include "journal/note.h"

enum { KEY_FILE_MAX = 4096 };

struct dure_signer {
    EVP_PKEY *key;
    uint8_t public_key[32];
};

/* An encrypted key must be an error, never a question on the terminal. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static enum dure_err write_key(const char *path, EVP_PKEY *key, struct dure_error *error)
{
    BIO *pem = BIO_new(BIO_s_mem());
    if (!pem)
        return dure_fail(error, DURE_E_MEMORY, "making a signing key: out of memory");
    enum dure_err err = DURE_E_MEMORY;
    char *text = NULL;
    long length = 0; /* of bytes that no NUL ends */
    if (PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL)) {
        length = BIO_get_mem_data(pem, &text);
        err = dure_file_create(path, text, (size_t)length, error);
    } else {
        dure_fail(error, err, "making a signing key: out of memory");
    }
    if (text)
        OPENSSL_cleanse(text, (size_t)length);
    BIO_free(pem);
    return err;
}

enum dure_err dure_signer_create(const char *key_path, struct dure_error *error)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!key)
        return dure_fail(error, DURE_E_MEMORY, "making a signing key: OpenSSL could not make an Ed25519 key");
    const enum dure_err err = write_key(key_path, key, error);
    EVP_PKEY_free(key);
    return err;
}

static enum dure_err read_key(const char *path, char text[KEY_FILE_MAX], struct dure_error *error)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return dure_fail(error, DURE_E_NOT_FOUND,
                         "the signing key %s is missing: put it back from where you keep its copy, or start once with "
                         "`dured --new-key` to sign with a new key from here on, which the log records",
                         path);
    if (fd < 0)
        return dure_fail(error, errno == EACCES ? DURE_E_PERMISSION : DURE_E_IO, "reading the signing key %s: %s", path,
                         strerror(errno));
    struct stat status;
    enum dure_err err = DURE_OK;
    ssize_t length = 0;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode))
        err = dure_fail(error, DURE_E_CORRUPT, "the signing key %s is not a file", path);
    else if (status.st_mode & 077)
        err = dure_fail(error, DURE_E_PERMISSION,
                        "the signing key %s may be read by others (mode %04o): if nobody has, `chmod 600 %s`; if "
                        "somebody may have, replace it",
                        path, (unsigned)status.st_mode & 07777, path);
    else if ((length = read(fd, text, KEY_FILE_MAX - 1)) < 0)
        err = dure_fail(error, DURE_E_IO, "reading the signing key %s: %s", path, strerror(errno));
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    return err;
}

enum dure_err dure_signer_load(const char *key_path, struct dure_signer **ret_signer, struct dure_error *error)
{
    char text[KEY_FILE_MAX];
    enum dure_err err = read_key(key_path, text, error);
    if (err)
        return err;
    struct dure_signer *signer = calloc(1, sizeof *signer);
    BIO *pem = BIO_new_mem_buf(text, -1);
    size_t length = sizeof signer->public_key;
    if (signer && pem)
        signer->key = PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL);
    if (!signer || !pem)
        err = dure_fail(error, DURE_E_MEMORY, "reading the signing key: out of memory");
    else if (!signer->key || !EVP_PKEY_is_a(signer->key, "ED25519") ||
             !EVP_PKEY_get_raw_public_key(signer->key, signer->public_key, &length))
        err = dure_fail(error, DURE_E_CORRUPT,
                        "the signing key %s is not an Ed25519 private key in PEM (PKCS#8, without a password): put "
                        "back the copy that you keep",
                        key_path);
    BIO_free(pem);
    OPENSSL_cleanse(text, sizeof text);
    if (err)
        dure_signer_free(signer);
    else
        *ret_signer = signer;
    return err;
}

void dure_signer_free(struct dure_signer *signer)
{
    if (!signer)
        return;
    EVP_PKEY_free(signer->key);
    free(signer);
}

void dure_signer_public(const struct dure_signer *signer, uint8_t ret_public[32])
{
    memcpy(ret_public, signer->public_key, sizeof signer->public_key);
}

enum dure_err dure_signer_sign(const struct dure_signer *signer, const void *text, size_t length,
                               uint8_t ret_signature[64], struct dure_error *error)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t signature[64];
    size_t signature_length = sizeof signature;
    const bool ok = context && EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, signer->key, NULL) &&
                    EVP_DigestSign(context, signature, &signature_length, text, length) &&
                    signature_length == sizeof signature;
    EVP_MD_CTX_free(context);
    if (!ok)
        return dure_fail(error, DURE_E_MEMORY, "signing: OpenSSL could not sign");
    memcpy(ret_signature, signature, sizeof signature);
    return DURE_OK;
}

bool dure_signature_ok(const uint8_t public_key[32], const void *text, size_t length, const uint8_t signature[64])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool ok = key && context && EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1 &&
                    EVP_DigestVerify(context, signature, 64, text, length) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return ok;
}
