// SPDX-License-Identifier: MIT
//
// A library that is wrong in one way, which its file name says: a copy named libBeastsWrongMajorBackend.so answers with
// a wrong major version. So one build gives the tests every broken plugin they need.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "beasts_backend.h"

/// Whether this copy's file name contains `word`.
static int is(const char *word) {
    Dl_info information;
    if (!dladdr((const void *)&is, &information) || !information.dli_fname)
        return 0;
    const char *slash = strrchr(information.dli_fname, '/');
    return strstr(slash ? slash + 1 : information.dli_fname, word) != NULL;
}

static int32_t fail(beasts_status *status, int32_t code, const char *message) {
    if (status) {
        status->code = code;
        strncpy(status->message, message, sizeof status->message - 1);
    }
    return code;
}

static int32_t probe(int32_t device, beasts_probe_result *result, beasts_status *status) {
    (void)device;
    if (is("ProbeError"))
        return fail(status, BEASTS_INTERNAL, "the driver does not answer");
    if (is("ProbeWild")) {
        result->score = -7;
        return BEASTS_OK;
    }
    result->score = is("ScoreZero") ? 0 : 1;
    result->device_count = 1;
    strcpy(result->device_name, "none");
    if (is("ScoreZeroWithReason"))
        strcpy(result->reason, "there is no device of this kind");
    return BEASTS_OK;
}

static int32_t create_context(const beasts_context_options *options, beasts_context **context, beasts_status *status) {
    (void)options;
    if (is("ContextError"))
        return fail(status, BEASTS_OUT_OF_MEMORY, "the device's memory is taken");
    *context = is("NullContext") ? NULL : malloc(1);
    return BEASTS_OK;
}

static int32_t destroy_context(beasts_context *context, beasts_status *status) {
    (void)status;
    free(context);
    return BEASTS_OK;
}

static int32_t synchronize(beasts_context *context, beasts_status *status) {
    (void)context, (void)status;
    return BEASTS_OK;
}

static int32_t create_buffer(beasts_context *context, uint64_t byte_count, uint64_t *buffer, beasts_status *status) {
    (void)context, (void)byte_count, (void)status;
    *buffer = is("NullHandle") ? 0 : 1;
    return BEASTS_OK;
}

static int32_t destroy_buffer(beasts_context *context, uint64_t buffer, beasts_status *status) {
    (void)context, (void)buffer, (void)status;
    return BEASTS_OK;
}

static int32_t upload(beasts_context *context, uint64_t buffer, uint64_t byte_offset, const void *source,
                      uint64_t byte_count, beasts_status *status) {
    (void)context, (void)buffer, (void)byte_offset, (void)source, (void)byte_count, (void)status;
    return BEASTS_OK;
}

static int32_t download(beasts_context *context, uint64_t buffer, uint64_t byte_offset, void *destination,
                        uint64_t byte_count, beasts_status *status) {
    (void)context, (void)buffer, (void)byte_offset, (void)destination, (void)byte_count, (void)status;
    return BEASTS_OK;
}

static int32_t prepare_weight(beasts_context *context, const beasts_weight_description *description, uint64_t *weight,
                              uint64_t *byte_count, beasts_status *status) {
    (void)context, (void)description, (void)byte_count, (void)status;
    *weight = is("NullHandle") ? 0 : 1;
    return BEASTS_OK;
}

static int32_t release_weight(beasts_context *context, uint64_t weight, beasts_status *status) {
    (void)context, (void)weight, (void)status;
    return BEASTS_OK;
}

/// Answers with the code that it is asked to fill in.
static int32_t fill(beasts_context *context, const beasts_fill_arguments *arguments, beasts_status *status) {
    (void)context;
    int32_t code = (int32_t)arguments->value;
    if (is("Silent"))
        return code;
    if (is("Endless")) {
        // No zero byte at the end, control characters, a broken UTF-8 sequence.
        memset(status->message, 'x', sizeof status->message);
        memcpy(status->message, "bell\a \x1b[31m\xff", 12);
        return code;
    }
    return fail(status, code, "fill was asked to fail");
}

#define UNSUPPORTED(name)                                                                                              \
    static int32_t name(beasts_context *context, const beasts_##name##_arguments *arguments, beasts_status *status) {  \
        (void)context, (void)arguments;                                                                                \
        return fail(status, BEASTS_UNSUPPORTED, #name);                                                                \
    }
UNSUPPORTED(copy)
UNSUPPORTED(gather_rows)
UNSUPPORTED(add)
UNSUPPORTED(multiply)
UNSUPPORTED(scale)
UNSUPPORTED(activation)
UNSUPPORTED(matmul)
UNSUPPORTED(linear)
UNSUPPORTED(conv2d)
UNSUPPORTED(max_pool2d)
UNSUPPORTED(softmax)
UNSUPPORTED(layer_norm)
UNSUPPORTED(group_norm)
UNSUPPORTED(reduce)
UNSUPPORTED(arg_reduce)

static beasts_backend_table table = {
    .struct_size = sizeof(beasts_backend_table),
    .abi_major = BEASTS_ABI_MAJOR,
    .abi_minor = BEASTS_ABI_MINOR,
    .preferred_alignment = 64,
    .name = "broken",
    .version = "1.0",
    .description = "Wrong in one way",
    .probe = probe,
    .create_context = create_context,
    .destroy_context = destroy_context,
    .synchronize = synchronize,
    .create_buffer = create_buffer,
    .destroy_buffer = destroy_buffer,
    .upload = upload,
    .download = download,
    .prepare_weight = prepare_weight,
    .release_weight = release_weight,
    .fill = fill,
    .copy = copy,
    .gather_rows = gather_rows,
    .add = add,
    .multiply = multiply,
    .scale = scale,
    .activation = activation,
    .matmul = matmul,
    .linear = linear,
    .conv2d = conv2d,
    .max_pool2d = max_pool2d,
    .softmax = softmax,
    .layer_norm = layer_norm,
    .group_norm = group_norm,
    .reduce = reduce,
    .arg_reduce = arg_reduce,
};

/// Larger than the host knows: what a later minor version would answer with.
static struct {
    beasts_backend_table known;
    void *later[5];
} longer_table;

int32_t beasts_backend_query(const beasts_host_info *host, const beasts_backend_table **result, beasts_status *status) {
    (void)host;
    *result = &table;
    if (is("Refusal"))
        return fail(status, BEASTS_UNSUPPORTED, "this processor lacks what it needs");
    if (is("NoTable"))
        *result = NULL;
    if (is("WrongMajor"))
        table.abi_major = BEASTS_ABI_MAJOR + 1;
    if (is("Truncated"))
        table.struct_size = offsetof(beasts_backend_table, matmul);
    if (is("NoHeader"))
        table.struct_size = 16;
    if (is("HugeTable"))
        table.struct_size = 0x7fffffff;
    if (is("BadName"))
        table.name = "Über backend";
    if (is("NoName"))
        table.name = NULL;
    if (is("BadAlignment"))
        table.preferred_alignment = 48;
    if (is("NullEntry"))
        table.upload = NULL;
    if (is("LaterMinor")) {
        table.abi_minor = 9;
        longer_table.known = table;
        longer_table.known.struct_size = sizeof longer_table;
        *result = &longer_table.known;
    }
    return BEASTS_OK;
}
