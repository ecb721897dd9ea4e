// SPDX-License-Identifier: MIT
#include "ccurl.h"

#include <ctype.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The typed checks of curl's header are macros of these names.
#undef curl_easy_setopt
#undef curl_multi_setopt

#define FOR_EACH_FUNCTION(DO)                                                                                          \
    DO(global_init)                                                                                                    \
    DO(easy_init)                                                                                                      \
    DO(easy_setopt)                                                                                                    \
    DO(easy_cleanup)                                                                                                   \
    DO(easy_strerror)                                                                                                  \
    DO(multi_init)                                                                                                     \
    DO(multi_add_handle)                                                                                               \
    DO(multi_remove_handle)                                                                                            \
    DO(multi_perform)                                                                                                  \
    DO(multi_poll)                                                                                                     \
    DO(multi_info_read)                                                                                                \
    DO(multi_strerror)                                                                                                 \
    DO(multi_cleanup)                                                                                                  \
    DO(slist_append)                                                                                                   \
    DO(slist_free_all)                                                                                                 \
    DO(url)                                                                                                            \
    DO(url_set)                                                                                                        \
    DO(url_get)                                                                                                        \
    DO(url_cleanup)                                                                                                    \
    DO(free)

static struct {
#define DECLARE(name) __typeof__(&curl_##name) name;
    FOR_EACH_FUNCTION(DECLARE)
} library;

static const char *missing;
static char reason[512];
static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void open_library(void) {
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(reason, sizeof reason, "libcurl.so.4 cannot be opened (%s); Debian: apt-get install libcurl4",
                 dlerror());
        missing = reason;
        return;
    }
#define FIND(name)                                                                                                     \
    if (!(*(void **)&library.name = dlsym(handle, "curl_" #name)))                                                     \
        missing = "libcurl.so.4 lacks curl_" #name "; version 7.66 or later is needed";
    FOR_EACH_FUNCTION(FIND)
    if (!missing && library.global_init(CURL_GLOBAL_DEFAULT))
        missing = "libcurl.so.4 cannot be initialised";
}

const char *ccurl_open(void) {
    pthread_once(&opened, open_library);
    return missing;
}

// MARK: - Transfers

struct ccurl_session {
    CURLM *multi;
};

ccurl_session *ccurl_session_create(void) {
    ccurl_session *session = calloc(1, sizeof *session);
    if (session && (session->multi = library.multi_init()))
        return session;
    ccurl_session_destroy(session);
    return 0;
}

void ccurl_session_destroy(ccurl_session *session) {
    if (!session)
        return;
    if (session->multi)
        library.multi_cleanup(session->multi);
    free(session);
}

/// What the callbacks share with the loop.
typedef struct {
    const ccurl_request *request;
    int32_t is_stopped;
} ccurl_state;

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    ccurl_state *state = context;
    state->is_stopped |= state->request->header(state->request->context, bytes, size * count);
    return state->is_stopped ? 0 : size * count;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    ccurl_state *state = context;
    state->is_stopped |= state->request->body(state->request->context, bytes, size * count);
    return state->is_stopped ? 0 : size * count;
}

static int32_t outcome_of(CURLcode code) {
    switch (code) {
    case CURLE_OK:
        return CCURL_DONE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    // A handshake that broke off, as of a server that is just starting again; a certificate that is refused has a code
    // of its own (CURLE_PEER_FAILED_VERIFICATION) and is final.
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_AGAIN:
        return CCURL_TRANSIENT;
    default:
        return CCURL_FINAL;
    }
}

static void finish(ccurl_reply *reply, CURLcode code, const char *detail) {
    reply->outcome = outcome_of(code);
    if (code)
        snprintf(reply->message, sizeof reply->message, "%s", *detail ? detail : library.easy_strerror(code));
}

void ccurl_perform(ccurl_session *session, const ccurl_request *request, ccurl_reply *reply) {
    memset(reply, 0, sizeof *reply);
    // A fresh one each time: after a name that could not be resolved, curl 7.88 takes no settings for a used one. What
    // is worth keeping, the connections, belongs to the multi handle.
    CURL *easy = library.easy_init();
    char detail[CURL_ERROR_SIZE] = "";
    ccurl_state state = {request, 0};
    struct curl_slist *headers = 0;
    CURLcode code = easy ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    for (size_t index = 0; index < request->header_count; ++index) {
        struct curl_slist *longer = library.slist_append(headers, request->headers[index]);
        if (!longer)
            code = CURLE_OUT_OF_MEMORY;
        else
            headers = longer;
    }
#define SET(option, value) (code = code ? code : library.easy_setopt(easy, CURLOPT_##option, value))
    SET(ERRORBUFFER, detail);
    SET(URL, request->url);
    SET(HTTPHEADER, headers);
    // What is for the server is not for a proxy before it.
    SET(HEADEROPT, (long)CURLHEADER_SEPARATE);
    SET(SUPPRESS_CONNECT_HEADERS, 1L);
    SET(USERAGENT, request->user_agent);
    SET(NOBODY, (long)request->is_head);
    SET(FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
    if (!code && (code = library.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")) == CURLE_UNKNOWN_OPTION)
        code = CURLE_OK;
#endif
    SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    // Signals belong to the program; without them timeouts need a resolver with threads, which every build has today.
    SET(NOSIGNAL, 1L);
    SET(NOPROGRESS, 1L);
    SET(BUFFERSIZE, 512L << 10);
    SET(CONNECTTIMEOUT_MS, (long)request->connect_milliseconds);
    SET(TIMEOUT_MS, (long)request->total_milliseconds);
    if (request->stall_seconds) {
        SET(LOW_SPEED_LIMIT, 1L);
        SET(LOW_SPEED_TIME, (long)request->stall_seconds);
    }
    if (request->certificates)
        SET(CAINFO, request->certificates);
    SET(HEADERFUNCTION, take_header);
    SET(HEADERDATA, &state);
    SET(WRITEFUNCTION, take_body);
    SET(WRITEDATA, &state);
    if (code) {
        finish(reply, code, detail);
        if (easy)
            library.easy_cleanup(easy);
        library.slist_free_all(headers);
        return;
    }
    CURLMcode trouble = library.multi_add_handle(session->multi, easy);
    int running = 1;
    while (!trouble && running && !state.is_stopped) {
        trouble = library.multi_perform(session->multi, &running);
        state.is_stopped |= request->idle(request->context);
        if (!trouble && running && !state.is_stopped)
            trouble = library.multi_poll(session->multi, 0, 0, 100, 0);
    }
    reply->outcome = CCURL_STOPPED;
    int waiting;
    for (CURLMsg *message; !trouble && (message = library.multi_info_read(session->multi, &waiting));)
        if (message->msg == CURLMSG_DONE && !state.is_stopped)
            finish(reply, message->data.result, detail);
    if (trouble) {
        reply->outcome = CCURL_FINAL;
        snprintf(reply->message, sizeof reply->message, "%s", library.multi_strerror(trouble));
    }
    library.multi_remove_handle(session->multi, easy);
    library.easy_cleanup(easy);
    library.slist_free_all(headers);
}

// MARK: - Addresses

/// `scheme://host:port`, or null.
static char *origin_of(CURLU *address) {
    char *scheme = 0, *host = 0, *port = 0, *origin = 0;
    if (!library.url_get(address, CURLUPART_SCHEME, &scheme, 0) &&
        !library.url_get(address, CURLUPART_HOST, &host, 0) &&
        !library.url_get(address, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)) {
        size_t count = strlen(scheme) + strlen(host) + strlen(port) + 5;
        if ((origin = malloc(count))) {
            snprintf(origin, count, "%s://%s:%s", scheme, host, port);
            for (char *byte = origin; *byte; ++byte)
                *byte = (char)tolower((unsigned char)*byte);
        }
    }
    library.free(scheme);
    library.free(host);
    library.free(port);
    return origin;
}

const char *ccurl_resolve(const char *base, const char *reference, char **url, char **origin) {
    *url = *origin = 0;
    CURLU *address = library.url();
    if (!address)
        return "out of memory";
    const char *refusal = 0;
    char *scheme = 0, *absolute = 0;
    // Schemes that curl does not know are read too, so that they can be refused by name.
    unsigned flags = CURLU_NON_SUPPORT_SCHEME | CURLU_DISALLOW_USER;
    if (base && library.url_set(address, CURLUPART_URL, base, flags))
        refusal = "the address it is relative to is malformed";
    else if (library.url_set(address, CURLUPART_URL, reference, flags))
        refusal = "it is malformed, or holds a user or a password";
    else if (library.url_get(address, CURLUPART_SCHEME, &scheme, 0) ||
             (strcasecmp(scheme, "http") && strcasecmp(scheme, "https")))
        refusal = "it is neither http nor https";
    else if (library.url_set(address, CURLUPART_FRAGMENT, 0, 0) ||
             library.url_get(address, CURLUPART_URL, &absolute, 0) || !(*origin = origin_of(address)) ||
             !(*url = strdup(absolute)))
        refusal = "it has no host";
    if (refusal) {
        free(*origin);
        *origin = 0;
    }
    library.free(scheme);
    library.free(absolute);
    library.url_cleanup(address);
    return refusal;
}

void ccurl_free(char *text) {
    free(text);
}
