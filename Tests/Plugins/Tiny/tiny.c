// SPDX-License-Identifier: MIT
//
// A small but complete backend in C: beasts_backend.h and the C library are all it knows. It computes fill, copy, add,
// multiply, scale and linear on dense float32 and answers BEASTS_UNSUPPORTED to the rest, which a real backend must
// not.
#include <stdlib.h>
#include <string.h>

#include "beasts_backend.h"

enum { MAXIMUM_BUFFERS = 4096 };

/// A buffer; a weight is one too, with its shape.
typedef struct block {
    unsigned char *bytes;
    uint64_t byte_count;
    int32_t kind;
    int64_t rows;
    int64_t columns;
} block;

/// Handle n is blocks[n - 1]; a block without bytes is free.
struct beasts_context {
    block blocks[MAXIMUM_BUFFERS];
};

static int32_t fail(beasts_status *status, int32_t code, const char *message) {
    if (status && status->struct_size >= sizeof *status) {
        status->code = code;
        strncpy(status->message, message, sizeof status->message - 1);
        status->message[sizeof status->message - 1] = 0;
    }
    return code;
}

static int32_t invalid(beasts_status *status, const char *message) {
    return fail(status, BEASTS_INVALID_ARGUMENT, message);
}

/// Copies as much of a structure as both sides know into a zeroed one.
static void read_sized(void *target, uint32_t size, const void *source) {
    uint32_t given;
    memset(target, 0, size);
    memcpy(&given, source, sizeof given);
    memcpy(target, source, given < size ? given : size);
}
#define READ(type, name, pointer)                                                                                      \
    type name;                                                                                                         \
    if (!context || !(pointer))                                                                                        \
        return invalid(status, "null argument");                                                                       \
    read_sized(&name, sizeof name, pointer)

static block *find(beasts_context *context, uint64_t handle) {
    if (!context || handle == 0 || handle > MAXIMUM_BUFFERS)
        return NULL;
    block *found = &context->blocks[handle - 1];
    return found->bytes ? found : NULL;
}

/// The elements of a dense float32 view, or null. `count` receives how many there are.
static float *elements(beasts_context *context, const beasts_view *view, int64_t *count) {
    block *found = find(context, view->buffer);
    if (!found || view->dtype != BEASTS_FLOAT32 || view->rank < 0 || view->rank > BEASTS_MAXIMUM_RANK)
        return NULL;
    int64_t product = 1;
    int64_t capacity = (int64_t)(found->byte_count / sizeof(float));
    for (int axis = view->rank - 1; axis >= 0; axis--) {
        if (view->shape[axis] < 0 || (view->shape[axis] > 1 && view->stride[axis] != product))
            return NULL;
        if (view->shape[axis] > 0 && product > capacity / view->shape[axis])
            return NULL;
        product *= view->shape[axis];
    }
    if (view->offset < 0 || view->offset > capacity - product)
        return NULL;
    *count = product;
    return (float *)(void *)found->bytes + view->offset;
}

static int32_t probe(int32_t device, beasts_probe_result *result, beasts_status *status) {
    // What later versions of the contract added at the end need not be there.
    if (!result || result->struct_size < offsetof(beasts_probe_result, cache_byte_count))
        return invalid(status, "probe: no room for the result");
    if (device > 0)
        return invalid(status, "probe: there is only device 0");
    result->score = 10;
    result->device_count = 1;
    result->native_dtypes = 1u << BEASTS_FLOAT32;
    result->memory_byte_count = 0;
    strcpy(result->device_name, "C");
    strcpy(result->reason, "runs everywhere and does next to nothing");
    return BEASTS_OK;
}

static int32_t create_context(const beasts_context_options *options, beasts_context **context, beasts_status *status) {
    if (!options || !context)
        return invalid(status, "create_context: null argument");
    *context = calloc(1, sizeof **context);
    return *context ? BEASTS_OK : fail(status, BEASTS_OUT_OF_MEMORY, "create_context: no memory");
}

static int32_t destroy_context(beasts_context *context, beasts_status *status) {
    if (!context)
        return invalid(status, "destroy_context: null context");
    for (int index = 0; index < MAXIMUM_BUFFERS; index++)
        free(context->blocks[index].bytes);
    free(context);
    return BEASTS_OK;
}

static int32_t synchronize(beasts_context *context, beasts_status *status) {
    return context ? BEASTS_OK : invalid(status, "synchronize: null context");
}

static int32_t create_buffer(beasts_context *context, uint64_t byte_count, uint64_t *buffer, beasts_status *status) {
    if (!context || !buffer)
        return invalid(status, "create_buffer: null argument");
    for (uint64_t index = 0; index < MAXIMUM_BUFFERS; index++) {
        block *free_block = &context->blocks[index];
        if (free_block->bytes)
            continue;
        if (byte_count > PTRDIFF_MAX || !(free_block->bytes = malloc(byte_count ? byte_count : 1)))
            break;
        free_block->byte_count = byte_count;
        free_block->kind = 0;
        *buffer = index + 1;
        return BEASTS_OK;
    }
    return fail(status, BEASTS_OUT_OF_MEMORY, "create_buffer: no memory");
}

static int32_t release(beasts_context *context, uint64_t handle, int is_weight, beasts_status *status) {
    block *found = find(context, handle);
    if (!found || (found->kind != 0) != is_weight)
        return invalid(status, "no such buffer or weight");
    free(found->bytes);
    memset(found, 0, sizeof *found);
    return BEASTS_OK;
}

static int32_t destroy_buffer(beasts_context *context, uint64_t buffer, beasts_status *status) {
    return release(context, buffer, 0, status);
}

static int32_t release_weight(beasts_context *context, uint64_t weight, beasts_status *status) {
    return release(context, weight, 1, status);
}

static unsigned char *range(beasts_context *context, uint64_t buffer, uint64_t offset, uint64_t count) {
    block *found = find(context, buffer);
    return found && offset <= found->byte_count && count <= found->byte_count - offset ? found->bytes + offset : NULL;
}

static int32_t upload(beasts_context *context, uint64_t buffer, uint64_t byte_offset, const void *source,
                      uint64_t byte_count, beasts_status *status) {
    unsigned char *target = range(context, buffer, byte_offset, byte_count);
    if (!target || (!source && byte_count))
        return invalid(status, "upload: no such range");
    if (byte_count)
        memcpy(target, source, byte_count);
    return BEASTS_OK;
}

static int32_t download(beasts_context *context, uint64_t buffer, uint64_t byte_offset, void *destination,
                        uint64_t byte_count, beasts_status *status) {
    unsigned char *source = range(context, buffer, byte_offset, byte_count);
    if (!source || (!destination && byte_count))
        return invalid(status, "download: no such range");
    if (byte_count)
        memcpy(destination, source, byte_count);
    return BEASTS_OK;
}

/// One dense float32 part of a matrix or vector.
static int32_t prepare_weight(beasts_context *context, const beasts_weight_description *description, uint64_t *weight,
                              uint64_t *byte_count, beasts_status *status) {
    READ(beasts_weight_description, whole, description);
    if (!weight || !whole.parts || whole.part_count == 0)
        return invalid(status, "prepare_weight: null argument");
    beasts_weight_part part;
    read_sized(&part, sizeof part, whole.parts);
    if (whole.part_count != 1 || part.dtype != BEASTS_FLOAT32 || whole.target_dtype != BEASTS_FLOAT32)
        return fail(status, BEASTS_UNSUPPORTED, "prepare_weight: one float32 part, kept as float32, is all it takes");
    if (part.rank != 2 || whole.kind != BEASTS_WEIGHT_LINEAR)
        return fail(status, BEASTS_UNSUPPORTED, "prepare_weight: matrices for linear are all it takes");
    int64_t rows = part.shape[0], columns = part.shape[1];
    if (rows < 0 || columns < 0 || rows > 1 << 20 || columns > 1 << 20 || part.stride[1] != 1 ||
        part.stride[0] != columns || (uint64_t)(rows * columns) * sizeof(float) > part.byte_count || !part.data)
        return invalid(status, "prepare_weight: the part is not dense, or reaches beyond its bytes");
    uint64_t size = (uint64_t)(rows * columns) * sizeof(float);
    int32_t code = create_buffer(context, size, weight, status);
    if (code != BEASTS_OK)
        return code;
    block *made = find(context, *weight);
    memcpy(made->bytes, part.data, size);
    made->kind = whole.kind;
    made->rows = rows;
    made->columns = columns;
    if (byte_count)
        *byte_count = size;
    return BEASTS_OK;
}

// MARK: - Ops

static int32_t fill(beasts_context *context, const beasts_fill_arguments *arguments, beasts_status *status) {
    READ(beasts_fill_arguments, given, arguments);
    int64_t count;
    float *output = elements(context, &given.output, &count);
    if (!output)
        return fail(status, BEASTS_UNSUPPORTED, "fill: dense float32 only");
    for (int64_t index = 0; index < count; index++)
        output[index] = (float)given.value;
    return BEASTS_OK;
}

static int32_t copy(beasts_context *context, const beasts_copy_arguments *arguments, beasts_status *status) {
    READ(beasts_copy_arguments, given, arguments);
    int64_t count, input_count;
    float *output = elements(context, &given.output, &count), *input = elements(context, &given.input, &input_count);
    if (!output || !input || count != input_count)
        return fail(status, BEASTS_UNSUPPORTED, "copy: dense float32 only");
    memmove(output, input, (size_t)count * sizeof(float));
    return BEASTS_OK;
}

static int32_t join(beasts_context *context, const beasts_add_arguments *arguments, int is_product,
                    beasts_status *status) {
    READ(beasts_add_arguments, given, arguments);
    int64_t count, left_count, right_count;
    float *output = elements(context, &given.output, &count), *left = elements(context, &given.left, &left_count);
    float *right = elements(context, &given.right, &right_count);
    if (!output || !left || !right || count != left_count || count != right_count)
        return fail(status, BEASTS_UNSUPPORTED, "add, multiply: dense float32 of equal shapes only");
    for (int64_t index = 0; index < count; index++)
        output[index] = is_product ? left[index] * right[index] : left[index] + right[index];
    return BEASTS_OK;
}

static int32_t add(beasts_context *context, const beasts_add_arguments *arguments, beasts_status *status) {
    return join(context, arguments, 0, status);
}

static int32_t multiply(beasts_context *context, const beasts_multiply_arguments *arguments, beasts_status *status) {
    return join(context, arguments, 1, status);
}

static int32_t scale(beasts_context *context, const beasts_scale_arguments *arguments, beasts_status *status) {
    READ(beasts_scale_arguments, given, arguments);
    int64_t count, input_count;
    float *output = elements(context, &given.output, &count), *input = elements(context, &given.input, &input_count);
    if (!output || !input || count != input_count)
        return fail(status, BEASTS_UNSUPPORTED, "scale: dense float32 only");
    for (int64_t index = 0; index < count; index++)
        output[index] = given.alpha * input[index] + given.beta;
    return BEASTS_OK;
}

/// With a bias at most.
static int32_t linear(beasts_context *context, const beasts_linear_arguments *arguments, beasts_status *status) {
    READ(beasts_linear_arguments, given, arguments);
    block *weight = find(context, given.weight);
    if (!weight || weight->kind != BEASTS_WEIGHT_LINEAR)
        return invalid(status, "linear: no such weight");
    if (given.epilogue.residual.buffer || given.epilogue.activation != BEASTS_ACTIVATION_NONE)
        return fail(status, BEASTS_UNSUPPORTED, "linear: no epilogue but a bias");
    int64_t count, input_count, bias_count = weight->rows;
    float *output = elements(context, &given.output, &count), *input = elements(context, &given.input, &input_count);
    float *bias = given.epilogue.bias.buffer ? elements(context, &given.epilogue.bias, &bias_count) : NULL;
    if (!output || !input || bias_count != weight->rows || (given.epilogue.bias.buffer && !bias))
        return fail(status, BEASTS_UNSUPPORTED, "linear: dense float32 only");
    int64_t rows = weight->rows ? count / weight->rows : 0;
    if (rows * weight->rows != count || rows * weight->columns != input_count)
        return invalid(status, "linear: the weight does not fit input and output");
    const float *matrix = (const float *)(const void *)weight->bytes;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t column = 0; column < weight->rows; column++) {
            double sum = 0;
            for (int64_t k = 0; k < weight->columns; k++)
                sum += (double)input[row * weight->columns + k] * matrix[column * weight->columns + k];
            output[row * weight->rows + column] = (float)(given.alpha * sum + (bias ? bias[column] : 0));
        }
    }
    return BEASTS_OK;
}

#define UNSUPPORTED(name)                                                                                              \
    static int32_t name(beasts_context *context, const beasts_##name##_arguments *arguments, beasts_status *status) {  \
        (void)context;                                                                                                 \
        (void)arguments;                                                                                               \
        return fail(status, BEASTS_UNSUPPORTED, #name ": left out of this small backend");                             \
    }
UNSUPPORTED(gather_rows)
UNSUPPORTED(activation)
UNSUPPORTED(matmul)
UNSUPPORTED(conv2d)
UNSUPPORTED(max_pool2d)
UNSUPPORTED(softmax)
UNSUPPORTED(layer_norm)
UNSUPPORTED(group_norm)
UNSUPPORTED(reduce)
UNSUPPORTED(arg_reduce)

static const beasts_backend_table table = {
    .struct_size = sizeof(beasts_backend_table),
    .abi_major = BEASTS_ABI_MAJOR,
    .abi_minor = BEASTS_ABI_MINOR,
    .preferred_alignment = 16,
    .name = "tiny",
    .version = "1.0",
    .description = "A small backend in C",
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

int32_t beasts_backend_query(const beasts_host_info *host, const beasts_backend_table **result, beasts_status *status) {
    if (!host || !result)
        return invalid(status, "query: null argument");
    if (host->abi_major != BEASTS_ABI_MAJOR)
        return fail(status, BEASTS_UNSUPPORTED, "query: another major version");
    *result = &table;
    return BEASTS_OK;
}
