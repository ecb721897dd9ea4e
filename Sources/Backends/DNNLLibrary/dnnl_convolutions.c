// SPDX-License-Identifier: MIT
#include "dnnl_functions.h"

#include <stdlib.h>
#include <string.h>

// A kernel is kept once in each order that some convolution prefers; convolutions of other batch sizes agree as a rule.

enum { MOST_ORDERS = 8 };

struct dnnl_kernel {
    /// As it came, [group][outputs][channels][kernel row][kernel column] by its strides, in the type that is wanted.
    dnnl_memory_desc_t plain;
    void *elements;
    size_t byte_count;
    int order_count;
    struct {
        dnnl_memory_desc_t layout;
        void *elements;
    } orders[MOST_ORDERS];
};

struct dnnl_compiled_convolution {
    dnnl_session *session;
    dnnl_primitive_t primitive;
    dnnl_memory_t input, kernel, bias, residual, output, scratch;
    int residual_argument, has_bias;
    size_t scratch_byte_count;
};

/// Extents of a kernel without its groups' axis where there is one group.
static int kernel_extents(const dnnl_convolution_shape *shape, dnnl_dims_t extents, dnnl_dims_t strides) {
    int64_t channels = shape->channels / shape->groups, taps = shape->kernel_height * shape->kernel_width;
    int64_t all[] = {shape->groups, shape->outputs / shape->groups, channels, shape->kernel_height,
                     shape->kernel_width};
    int64_t steps[] = {shape->outputs / shape->groups * taps * channels, taps * channels, 1,
                       shape->kernel_width * channels, channels};
    int first = shape->groups == 1, rank = 5 - first;
    memcpy(extents, all + first, sizeof *all * (size_t)rank);
    memcpy(strides, steps + first, sizeof *steps * (size_t)rank);
    return rank;
}

dnnl_kernel *dnnl_kernel_create(dnnl_session *session, const float *elements, const dnnl_convolution_shape *shape,
                                int32_t *result) {
    dnnl_kernel *kernel = calloc(1, sizeof *kernel);
    dnnl_dims_t extents, strides;
    int rank = kernel_extents(shape, extents, strides);
    dnnl_memory_desc_t source;
    dnnl_status_t status = kernel ? dnnl_success : dnnl_out_of_memory;
    if (!status)
        status = library.memory_desc_init_by_strides(&source, rank, extents, dnnl_f32, strides);
    if (!status)
        status = library.memory_desc_init_by_strides(&kernel->plain, rank, extents, dnnl_type_of(shape->dtype), strides);
    if (!status) {
        kernel->elements = dnnl_reordered(session, &source, elements, &kernel->plain, &status);
        kernel->byte_count = library.memory_desc_get_size(&kernel->plain);
    }
    *result = (int32_t)status;
    if (!status)
        return kernel;
    dnnl_kernel_destroy(kernel);
    return 0;
}

size_t dnnl_kernel_byte_count(const dnnl_kernel *kernel) {
    return kernel->byte_count;
}

void dnnl_kernel_destroy(dnnl_kernel *kernel) {
    if (!kernel)
        return;
    for (int n = 0; n < kernel->order_count; n++)
        free(kernel->orders[n].elements);
    free(kernel->elements);
    free(kernel);
}

/// The kernel's elements in an order, made where it is the first that asks for it.
static void *kernel_in_order(dnnl_session *session, dnnl_kernel *kernel, const dnnl_memory_desc_t *layout,
                             dnnl_status_t *status) {
    *status = dnnl_success;
    if (library.memory_desc_equal(layout, &kernel->plain))
        return kernel->elements;
    for (int n = 0; n < kernel->order_count; n++)
        if (library.memory_desc_equal(layout, &kernel->orders[n].layout))
            return kernel->orders[n].elements;
    if (kernel->order_count == MOST_ORDERS) {
        *status = dnnl_unimplemented;
        return 0;
    }
    void *elements = dnnl_reordered(session, &kernel->plain, kernel->elements, layout, status);
    if (!*status) {
        kernel->orders[kernel->order_count].layout = *layout;
        kernel->orders[kernel->order_count++].elements = elements;
    }
    return elements;
}

/// Dense pictures [pictures, height, width, channels] in the library's order of axes.
static dnnl_status_t pictures(dnnl_memory_desc_t *layout, int64_t count, int64_t height, int64_t width,
                              int64_t channels, int32_t dtype) {
    dnnl_dims_t extents = {count, channels, height, width};
    return library.memory_desc_init_by_tag(layout, 4, extents, dnnl_type_of(dtype), dnnl_nhwc);
}

static dnnl_status_t describe(dnnl_compiled_convolution *convolution, const dnnl_convolution_shape *shape,
                              dnnl_primitive_desc_t *description) {
    dnnl_memory_desc_t input, kernel, bias, output;
    dnnl_engine_t engine = convolution->session->engine;
    dnnl_dims_t extents, unused, bias_extents = {shape->outputs}, strides = {shape->stride_y, shape->stride_x};
    dnnl_dims_t before = {shape->padding_top, shape->padding_left}, after = {shape->padding_bottom, shape->padding_right};
    int rank = kernel_extents(shape, extents, unused), count = 0;
    dnnl_primitive_attr_t attributes = 0;
    dnnl_post_ops_t steps = 0;
    dnnl_convolution_desc_t operation;
    dnnl_status_t status = pictures(&input, shape->pictures, shape->height, shape->width, shape->channels, shape->dtype);
    if (!status)
        status = pictures(&output, shape->pictures, shape->output_height, shape->output_width, shape->outputs,
                          shape->dtype);
    if (!status)
        status = library.memory_desc_init_by_tag(&kernel, rank, extents, dnnl_type_of(shape->dtype),
                                                 dnnl_format_tag_any);
    if (!status)
        status = library.memory_desc_init_by_tag(&bias, 1, bias_extents, dnnl_f32, dnnl_a);
    if (!status)
        status = library.primitive_attr_create(&attributes);
    if (!status)
        status = library.primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (!status)
        status = library.post_ops_create(&steps);
    if (!status && !shape->residual_first) {
        status = dnnl_append_activation(steps, shape->activation);
        count += shape->activation != 1;
    }
    if (!status && shape->residual == DNNL_RESIDUAL_OUTPUT) {
        status = library.post_ops_append_sum(steps, 1);
    } else if (!status && shape->residual == DNNL_RESIDUAL_OTHER) {
        convolution->residual_argument = DNNL_ARG_ATTR_MULTIPLE_POST_OP(count) | DNNL_ARG_SRC_1;
        status = library.post_ops_append_binary(steps, dnnl_binary_add, &output);
    }
    if (!status && shape->residual_first)
        status = dnnl_append_activation(steps, shape->activation);
    if (!status)
        status = library.primitive_attr_set_post_ops(attributes, steps);
    if (!status)
        status = library.convolution_forward_desc_init(&operation, dnnl_forward_inference, dnnl_convolution_direct,
                                                       &input, &kernel, shape->has_bias ? &bias : 0, &output, strides,
                                                       before, after);
    if (!status)
        status = library.primitive_desc_create(description, &operation, attributes, engine, 0);
    // The library's plain loops are right, and a thousand times slower than its kernels.
    const char *name = "";
    if (!status)
        status = library.primitive_desc_query(*description, dnnl_query_impl_info_str, 0, (void *)&name);
    if (!status && !strncmp(name, "ref", 3) && shape->residual == DNNL_RESIDUAL_OTHER)
        status = dnnl_unimplemented;
    if (!status)
        status = library.memory_create(&convolution->input, &input, engine, DNNL_MEMORY_NONE);
    if (!status)
        status = library.memory_create(&convolution->output, &output, engine, DNNL_MEMORY_NONE);
    if (!status)
        status = library.memory_create(&convolution->residual, &output, engine, DNNL_MEMORY_NONE);
    if (!status)
        status = library.memory_create(&convolution->bias, &bias, engine, DNNL_MEMORY_NONE);
    if (steps)
        library.post_ops_destroy(steps);
    if (attributes)
        library.primitive_attr_destroy(attributes);
    return status;
}

dnnl_compiled_convolution *dnnl_compiled_convolution_create(dnnl_session *session, dnnl_kernel *kernel,
                                          const dnnl_convolution_shape *shape, int32_t *result) {
    dnnl_compiled_convolution *convolution = calloc(1, sizeof *convolution);
    dnnl_primitive_desc_t description = 0;
    dnnl_status_t status = convolution ? dnnl_success : dnnl_out_of_memory;
    if (!status) {
        convolution->session = session;
        convolution->has_bias = shape->has_bias;
        status = describe(convolution, shape, &description);
    }
    if (!status)
        status = library.primitive_create(&convolution->primitive, description);
    if (!status) {
        const dnnl_memory_desc_t *scratch = library.primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
        convolution->scratch_byte_count = library.memory_desc_get_size(scratch);
        status = library.memory_create(&convolution->scratch, scratch, session->engine, DNNL_MEMORY_NONE);
    }
    if (!status) {
        const dnnl_memory_desc_t *layout = library.primitive_desc_query_md(description, dnnl_query_weights_md, 0);
        void *elements = kernel_in_order(session, kernel, layout, &status);
        if (!status)
            status = library.memory_create(&convolution->kernel, layout, session->engine, elements);
    }
    if (description)
        library.primitive_desc_destroy(description);
    *result = (int32_t)status;
    if (!status)
        return convolution;
    dnnl_compiled_convolution_destroy(convolution);
    return 0;
}

size_t dnnl_compiled_convolution_scratch_byte_count(const dnnl_compiled_convolution *convolution) {
    return convolution->scratch_byte_count;
}

int32_t dnnl_compiled_convolution_run(const dnnl_compiled_convolution *convolution, const void *input, const float *bias,
                             const void *residual, void *output, void *scratch) {
    library.memory_set_data_handle(convolution->input, (void *)(uintptr_t)input);
    library.memory_set_data_handle(convolution->output, output);
    library.memory_set_data_handle(convolution->scratch, scratch);
    dnnl_exec_arg_t arguments[6] = {{DNNL_ARG_SRC, convolution->input},
                                    {DNNL_ARG_WEIGHTS, convolution->kernel},
                                    {DNNL_ARG_DST, convolution->output},
                                    {DNNL_ARG_SCRATCHPAD, convolution->scratch}};
    int count = 4;
    if (convolution->has_bias) {
        library.memory_set_data_handle(convolution->bias, (void *)(uintptr_t)bias);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, convolution->bias};
    }
    if (convolution->residual_argument) {
        library.memory_set_data_handle(convolution->residual, (void *)(uintptr_t)residual);
        arguments[count++] = (dnnl_exec_arg_t){convolution->residual_argument, convolution->residual};
    }
    dnnl_stream_t stream = convolution->session->stream;
    dnnl_status_t status = library.primitive_execute(convolution->primitive, stream, count, arguments);
    return (int32_t)(status ? status : library.stream_wait(stream));
}

void dnnl_compiled_convolution_destroy(dnnl_compiled_convolution *convolution) {
    if (!convolution)
        return;
    dnnl_memory_t memories[] = {convolution->input,    convolution->kernel, convolution->bias,
                                convolution->residual, convolution->output, convolution->scratch};
    for (size_t n = 0; n < sizeof memories / sizeof *memories; n++)
        if (memories[n])
            library.memory_destroy(memories[n]);
    if (convolution->primitive)
        library.primitive_destroy(convolution->primitive);
    free(convolution);
}
