// SPDX-License-Identifier: MIT
#ifndef CCURL_H
#define CCURL_H

#include <stddef.h>
#include <stdint.h>

/// libcurl, opened at run time: a program that finds its files in the cache does not pay for loading it, and one
/// without the library still runs.

/// Opens the library, once. Null, or why it cannot be used. Thread-safe.
const char *ccurl_open(void);

/// Connections and one transfer at a time; for one thread at a time.
typedef struct ccurl_session ccurl_session;

/// Null where memory is short. ccurl_open() must have succeeded, as for everything below.
ccurl_session *ccurl_session_create(void);
void ccurl_session_destroy(ccurl_session *session);

/// What is asked for, and who takes the answer. Every callback returns 0 to go on.
typedef struct {
    const char *url;
    int32_t is_head;
    /// `Name: value`, each zero-terminated.
    const char *const *headers;
    size_t header_count;
    const char *user_agent;
    /// A file of certificates that are trusted; null for the system's.
    const char *certificates;
    int64_t connect_milliseconds;
    /// For the whole request; 0 for no bound.
    int64_t total_milliseconds;
    /// Seconds without a byte that end the transfer; 0 for no bound.
    int64_t stall_seconds;
    void *context;
    /// One header line, its end included; the status line too.
    int32_t (*header)(void *context, const char *bytes, size_t count);
    int32_t (*body)(void *context, const void *bytes, size_t count);
    /// Called before each wait for the network, at least ten times a second.
    int32_t (*idle)(void *context);
} ccurl_request;

enum {
    CCURL_DONE = 0,
    /// A callback ended it.
    CCURL_STOPPED = 1,
    /// May pass: a timeout, a connection that was reset or closed early, a name that could not be resolved.
    CCURL_TRANSIENT = 2,
    /// TLS, proxy, address: stays until somebody changes the set-up.
    CCURL_FINAL = 3,
};

typedef struct {
    /// One of the above.
    int32_t outcome;
    /// curl's own words, zero-terminated.
    char message[512];
} ccurl_reply;

void ccurl_perform(ccurl_session *session, const ccurl_request *request, ccurl_reply *reply);

/// Makes `reference` absolute, from `base` where it is relative (base may be null), by the very rules that
/// ccurl_perform() reads addresses by. `origin` becomes `scheme://host:port` in lower case. Both are freed by
/// ccurl_free(). Null, or why the address is refused: it is none, is neither http nor https, or holds a user or a
/// password.
const char *ccurl_resolve(const char *base, const char *reference, char **url, char **origin);
void ccurl_free(char *text);

#endif
