// SPDX-License-Identifier: MIT
#ifndef CDIGEST_H
#define CDIGEST_H

#include <stddef.h>
#include <stdint.h>

/// Digests by OpenSSL's libcrypto, opened at run time: it takes milliseconds to load, and only downloads need it.

/// Opens the library, once. Null, or why it cannot be used. Thread-safe.
const char *cdigest_open(void);

/// A digest in the making; for one thread at a time.
typedef struct cdigest cdigest;

/// SHA-256, or SHA-1. Null where memory is short or the library refuses. cdigest_open() must have succeeded.
cdigest *cdigest_create(int32_t is_sha1);
void cdigest_update(cdigest *digest, const void *bytes, size_t count);

/// Writes the digest and returns its length, 20 or 32 bytes; 0 where anything failed on the way.
size_t cdigest_finish(cdigest *digest, unsigned char result[64]);
void cdigest_destroy(cdigest *digest);

#endif
