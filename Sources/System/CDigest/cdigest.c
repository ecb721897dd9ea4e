// SPDX-License-Identifier: MIT
#include "cdigest.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define FOR_EACH_FUNCTION(DO)                                                                                          \
    DO(EVP_MD_CTX_new)                                                                                                 \
    DO(EVP_MD_CTX_free)                                                                                                \
    DO(EVP_DigestInit_ex)                                                                                              \
    DO(EVP_DigestUpdate)                                                                                               \
    DO(EVP_DigestFinal_ex)                                                                                             \
    DO(EVP_sha1)                                                                                                       \
    DO(EVP_sha256)

static struct {
#define DECLARE(name) __typeof__(&name) name;
    FOR_EACH_FUNCTION(DECLARE)
} library;

static const char *missing;
static char reason[512];
static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void open_library(void) {
    void *handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(reason, sizeof reason, "libcrypto.so.3 cannot be opened (%s); Debian: apt-get install libssl3",
                 dlerror());
        missing = reason;
        return;
    }
#define FIND(name)                                                                                                     \
    if (!(*(void **)&library.name = dlsym(handle, #name)))                                                             \
        missing = "libcrypto.so.3 lacks " #name;
    FOR_EACH_FUNCTION(FIND)
}

const char *cdigest_open(void) {
    pthread_once(&opened, open_library);
    return missing;
}

struct cdigest {
    EVP_MD_CTX *context;
    int has_failed;
};

cdigest *cdigest_create(int32_t is_sha1) {
    cdigest *digest = calloc(1, sizeof *digest);
    if (digest && (digest->context = library.EVP_MD_CTX_new()) &&
        library.EVP_DigestInit_ex(digest->context, is_sha1 ? library.EVP_sha1() : library.EVP_sha256(), 0))
        return digest;
    cdigest_destroy(digest);
    return 0;
}

void cdigest_update(cdigest *digest, const void *bytes, size_t count) {
    if (!library.EVP_DigestUpdate(digest->context, bytes, count))
        digest->has_failed = 1;
}

size_t cdigest_finish(cdigest *digest, unsigned char result[64]) {
    unsigned count = 0;
    if (digest->has_failed || !library.EVP_DigestFinal_ex(digest->context, result, &count))
        return 0;
    return count;
}

void cdigest_destroy(cdigest *digest) {
    if (!digest)
        return;
    library.EVP_MD_CTX_free(digest->context);
    free(digest);
}
