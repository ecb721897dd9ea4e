// SPDX-License-Identifier: MIT
//
// The reference backend with one mistake, which this copy's file name says: libMistakenWrongEpsilon.so normalises with
// another epsilon. It passes every call on to the reference backend's library, which lies in the same folder.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beasts_backend.h"

static beasts_backend_table right, table;

static const char *file(void) {
    Dl_info information;
    return dladdr((const void *)&file, &information) && information.dli_fname ? information.dli_fname : "";
}

/// Whether this copy's file name contains `word`.
static int is(const char *word) {
    const char *slash = strrchr(file(), '/');
    return strstr(slash ? slash + 1 : file(), word) != NULL;
}

static int32_t fail(beasts_status *status, int32_t code, const char *message) {
    if (status) {
        status->code = code;
        strncpy(status->message, message, sizeof status->message - 1);
    }
    return code;
}

// MARK: - Ends

static void crash(void) {
    fputs("about to follow a null pointer\n", stderr);
    *(volatile int *)NULL = 1;
}

static void hang(void) {
    for (;;)
        pause();
}

static int32_t crashing_softmax(beasts_context *context, const beasts_softmax_arguments *arguments,
                                beasts_status *status) {
    crash();
    return right.softmax(context, arguments, status);
}

static int32_t hanging_arg_reduce(beasts_context *context, const beasts_arg_reduce_arguments *arguments,
                                  beasts_status *status) {
    hang();
    return right.arg_reduce(context, arguments, status);
}

static int32_t exiting_max_pool2d(beasts_context *context, const beasts_max_pool2d_arguments *arguments,
                                  beasts_status *status) {
    (void)context, (void)arguments, (void)status;
    exit(3);
}

static int32_t crashing_probe(int32_t device, beasts_probe_result *result, beasts_status *status) {
    crash();
    return right.probe(device, result, status);
}

static int32_t hanging_probe(int32_t device, beasts_probe_result *result, beasts_status *status) {
    hang();
    return right.probe(device, result, status);
}

static int32_t failing_probe(int32_t device, beasts_probe_result *result, beasts_status *status) {
    (void)device, (void)result;
    return fail(status, BEASTS_INTERNAL, "the driver does not answer");
}

static int32_t crashing_create_context(const beasts_context_options *options, beasts_context **context,
                                       beasts_status *status) {
    crash();
    return right.create_context(options, context, status);
}

// MARK: - Wrong numbers

static int32_t inexact_scale(beasts_context *context, const beasts_scale_arguments *arguments, beasts_status *status) {
    if (!arguments || arguments->struct_size < sizeof *arguments)
        return right.scale(context, arguments, status);
    beasts_scale_arguments wrong = *arguments;
    wrong.alpha *= 1.0001f;
    return right.scale(context, &wrong, status);
}

static int32_t other_epsilon_layer_norm(beasts_context *context, const beasts_layer_norm_arguments *arguments,
                                        beasts_status *status) {
    if (!arguments || arguments->struct_size < sizeof *arguments)
        return right.layer_norm(context, arguments, status);
    beasts_layer_norm_arguments wrong = *arguments;
    // PyTorch's default where the checkpoint asks for another.
    wrong.epsilon = arguments->epsilon == 1e-5f ? 1e-6f : 1e-5f;
    return right.layer_norm(context, &wrong, status);
}

/// One element behind the last one is written too.
static int32_t overlong_add(beasts_context *context, const beasts_add_arguments *arguments, beasts_status *status) {
    int32_t code = right.add(context, arguments, status);
    if (code != BEASTS_OK || arguments->output.dtype != BEASTS_FLOAT32)
        return code;
    int64_t element = arguments->output.offset + 1;
    for (int32_t axis = 0; axis < arguments->output.rank; axis++) {
        if (arguments->output.shape[axis] == 0)
            return code;
        element += (arguments->output.shape[axis] - 1) * arguments->output.stride[axis];
    }
    float value = 1;
    return right.upload(context, arguments->output.buffer, (uint64_t)element * sizeof value, &value, sizeof value,
                        status);
}

// MARK: - Lies

static int32_t boastful_supports(beasts_context *context, int32_t op, const void *arguments, int32_t *answer,
                                 beasts_status *status) {
    if (op != BEASTS_OP_top_k)
        return right.supports(context, op, arguments, answer, status);
    *answer = 1;
    return BEASTS_OK;
}

static int32_t unsupported_top_k(beasts_context *context, const beasts_top_k_arguments *arguments,
                                 beasts_status *status) {
    (void)context, (void)arguments;
    return fail(status, BEASTS_UNSUPPORTED, "there is no kernel for this");
}

static int32_t modest_supports(beasts_context *context, int32_t op, const void *arguments, int32_t *answer,
                               beasts_status *status) {
    if (op != BEASTS_OP_matmul)
        return right.supports(context, op, arguments, answer, status);
    *answer = 0;
    return BEASTS_OK;
}

// MARK: - Noise

/// Talks to standard output, which is nobody's fault.
static int32_t talking_gather_rows(beasts_context *context, const beasts_gather_rows_arguments *arguments,
                                   beasts_status *status) {
    puts("{\"finished\":{\"_0\":{\"index\":0,\"status\":\"passed\",\"detail\":\"\"}}}");
    fflush(stdout);
    return right.gather_rows(context, arguments, status);
}

/// Writes to every descriptor it finds, so that it reaches whoever reads the results.
static int32_t forging_gather_rows(beasts_context *context, const beasts_gather_rows_arguments *arguments,
                                   beasts_status *status) {
    static const char line[] = "{\"finished\":{\"_0\":{\"index\":0,\"status\":\"passed\",\"detail\":\"\"}}}\n";
    for (int descriptor = 3; descriptor < 64; descriptor++)
        if (write(descriptor, line, sizeof line - 1) < 0)
            continue;
    return right.gather_rows(context, arguments, status);
}

// MARK: - The table

static int32_t open_right(beasts_status *status, const beasts_host_info *host) {
    char path[4096];
    const char *slash = strrchr(file(), '/');
    int length = slash ? (int)(slash - file()) : 1;
    snprintf(path, sizeof path, "%.*s/libBeastsCPUReferenceBackend.so", length, slash ? file() : ".");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "beasts_backend_query") : NULL;
    const beasts_backend_table *found = NULL;
    if (!symbol || ((beasts_backend_query_function)symbol)(host, &found, status) != BEASTS_OK || !found)
        return fail(status, BEASTS_UNSUPPORTED, "the reference backend is not beside this library");
    size_t size = found->struct_size < sizeof right ? found->struct_size : sizeof right;
    memcpy(&right, found, size);
    return BEASTS_OK;
}

int32_t beasts_backend_query(const beasts_host_info *host, const beasts_backend_table **result, beasts_status *status) {
    if (is("QueryExit"))
        exit(0);
    int32_t code = open_right(status, host);
    if (code != BEASTS_OK)
        return code;
    table = right;
    table.struct_size = sizeof table;
    table.name = "mistaken";
    table.description = "The reference backend with one mistake";
    if (is("WrongResult"))
        table.scale = inexact_scale;
    if (is("WrongEpsilon"))
        table.layer_norm = other_epsilon_layer_norm;
    if (is("OffByOneWrite"))
        table.add = overlong_add;
    if (is("FalseCapability")) {
        table.supports = boastful_supports;
        table.top_k = unsupported_top_k;
    }
    if (is("FalseModesty"))
        table.supports = modest_supports;
    if (is("CrashInSoftmax"))
        table.softmax = crashing_softmax;
    if (is("HangInArgReduce"))
        table.arg_reduce = hanging_arg_reduce;
    if (is("ExitInMaxPool"))
        table.max_pool2d = exiting_max_pool2d;
    if (is("CrashInProbe"))
        table.probe = crashing_probe;
    if (is("HangInProbe"))
        table.probe = hanging_probe;
    if (is("ErrorInProbe"))
        table.probe = failing_probe;
    if (is("CrashInContext"))
        table.create_context = crashing_create_context;
    if (is("Talk"))
        table.gather_rows = talking_gather_rows;
    if (is("Forgery"))
        table.gather_rows = forging_gather_rows;
    if (is("WrongVersion"))
        table.abi_major = BEASTS_ABI_MAJOR + 1;
    if (is("TruncatedTable"))
        table.struct_size = offsetof(beasts_backend_table, matmul);
    *result = &table;
    return BEASTS_OK;
}
