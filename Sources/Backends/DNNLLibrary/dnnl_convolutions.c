// SPDX-License-Identifier: MIT
#include "dnnl_functions.h"

#include <stdlib.h>
#include <string.h>

// A kernel is kept once in each order that some convolution prefers; convolutions of other batch sizes agree as a rule.

enum { MOST_ORDERS = 8, ALIGNMENT = 64 };

struct dnnl_kernel {
    dnnl_session *session;
    /// As it came, [group][outputs][channels][kernel row][kernel column] by its strides, in the type that is wanted.
    dnnl_memory_desc_t plain;
    /// Null once there is an order, from which further ones are made. Not of the pool, which keeps what it has.
    void *plain_elements;
    size_t byte_count;
    int order_count;
    struct {
        dnnl_memory_desc_t layout;
        void *elements;
    } orders[MOST_ORDERS];
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
    if (kernel)
        kernel->session = session;
    if (!status)
        status = library.memory_desc_init_by_strides(&source, rank, extents, dnnl_f32, strides);
    if (!status)
        status =
            library.memory_desc_init_by_strides(&kernel->plain, rank, extents, dnnl_type_of(shape->dtype), strides);
    if (!status) {
        kernel->byte_count = library.memory_desc_get_size(&kernel->plain);
        size_t size = (kernel->byte_count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        kernel->plain_elements = aligned_alloc(ALIGNMENT, size);
        status = dnnl_reorder_to(session, &source, elements, &kernel->plain, kernel->plain_elements);
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
        cpu_pool_release(kernel->session->pool, kernel->orders[n].elements);
    free(kernel->plain_elements);
    free(kernel);
}

/// The kernel's elements in an order, made where it is the first that asks for it.
static void *kernel_in_order(dnnl_session *session, dnnl_kernel *kernel, const dnnl_memory_desc_t *layout,
                             dnnl_status_t *status) {
    *status = dnnl_success;
    for (int n = 0; n < kernel->order_count; n++)
        if (library.memory_desc_equal(layout, &kernel->orders[n].layout))
            return kernel->orders[n].elements;
    if (kernel->order_count == MOST_ORDERS) {
        *status = dnnl_unimplemented;
        return 0;
    }
    const dnnl_memory_desc_t *known = kernel->plain_elements ? &kernel->plain : &kernel->orders[0].layout;
    const void *source = kernel->plain_elements ? kernel->plain_elements : kernel->orders[0].elements;
    void *elements = dnnl_reordered(session, known, source, layout, status);
    if (*status)
        return 0;
    kernel->orders[kernel->order_count].layout = *layout;
    kernel->orders[kernel->order_count++].elements = elements;
    free(kernel->plain_elements);
    kernel->plain_elements = 0;
    return elements;
}

/// Dense pictures [pictures, height, width, channels] in the library's order of axes.
static dnnl_status_t pictures(dnnl_memory_desc_t *layout, int64_t count, int64_t height, int64_t width,
                              int64_t channels, int32_t dtype) {
    dnnl_dims_t extents = {count, channels, height, width};
    return library.memory_desc_init_by_tag(layout, 4, extents, dnnl_type_of(dtype), dnnl_nhwc);
}

static dnnl_status_t plan_convolution(dnnl_session *session, const dnnl_convolution_shape *shape, dnnl_plan *plan) {
    dnnl_memory_desc_t kernel;
    dnnl_dims_t extents, unused, bias_extents = {shape->outputs}, strides = {shape->stride_y, shape->stride_x};
    dnnl_dims_t before = {shape->padding_top, shape->padding_left};
    dnnl_dims_t after = {shape->padding_bottom, shape->padding_right};
    int rank = kernel_extents(shape, extents, unused);
    dnnl_primitive_attr_t attributes = 0;
    dnnl_post_ops_t steps = 0;
    dnnl_convolution_desc_t operation;
    dnnl_status_t status =
        pictures(&plan->input, shape->pictures, shape->height, shape->width, shape->channels, shape->dtype);
    if (!status)
        status = pictures(&plan->output, shape->pictures, shape->output_height, shape->output_width, shape->outputs,
                          shape->dtype);
    if (!status)
        status =
            library.memory_desc_init_by_tag(&kernel, rank, extents, dnnl_type_of(shape->dtype), dnnl_format_tag_any);
    if (!status)
        status = library.memory_desc_init_by_tag(&plan->bias, 1, bias_extents, dnnl_f32, dnnl_a);
    if (!status)
        status = library.primitive_attr_create(&attributes);
    if (!status)
        status = library.primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (!status)
        status = library.post_ops_create(&steps);
    plan->residual = plan->output;
    plan->bias_argument = shape->has_bias ? DNNL_ARG_BIAS : 0;
    if (!status)
        status = dnnl_append_epilogue(steps, 0, shape->activation, shape->residual, shape->residual_first, plan);
    if (!status)
        status = library.primitive_attr_set_post_ops(attributes, steps);
    if (!status)
        status = library.convolution_forward_desc_init(&operation, dnnl_forward_inference, dnnl_convolution_direct,
                                                       &plan->input, &kernel, shape->has_bias ? &plan->bias : 0,
                                                       &plan->output, strides, before, after);
    if (!status)
        status = library.primitive_desc_create(&plan->description, &operation, attributes, session->engine, 0);
    if (steps)
        library.post_ops_destroy(steps);
    if (attributes)
        library.primitive_attr_destroy(attributes);
    return status;
}

/// The library's plain loops are right, and a thousand times slower than its kernels.
static int is_plain_loop(const dnnl_plan *plan) {
    const char *name = "";
    library.primitive_desc_query(plan->description, dnnl_query_impl_info_str, 0, (void *)&name);
    return !strncmp(name, "ref", 3);
}

dnnl_compiled *dnnl_convolution_create(dnnl_session *session, dnnl_kernel *kernel, const dnnl_convolution_shape *shape,
                                       int32_t *result) {
    dnnl_plan plan = {0};
    dnnl_compiled *compiled = 0;
    dnnl_status_t status = plan_convolution(session, shape, &plan);
    // Another residual than the output can be copied there first; nothing else helps. Of a convolution in groups the
    // library (2.6.3, AVX2) adds it at the wrong places.
    int adds_other = shape->residual == DNNL_RESIDUAL_OTHER;
    if (!status && adds_other && (shape->groups > 1 || is_plain_loop(&plan)))
        status = dnnl_unimplemented;
    if (!status) {
        const dnnl_memory_desc_t *layout = library.primitive_desc_query_md(plan.description, dnnl_query_weights_md, 0);
        void *elements = kernel_in_order(session, kernel, layout, &status);
        if (!status)
            compiled = dnnl_compile(session, &plan, layout, elements, &status);
    }
    if (plan.description)
        library.primitive_desc_destroy(plan.description);
    *result = (int32_t)status;
    return compiled;
}
