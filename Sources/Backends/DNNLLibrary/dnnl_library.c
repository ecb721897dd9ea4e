// SPDX-License-Identifier: MIT
#include "dnnl_functions.h"

#include "cpu_kernels.h"
#include "cpu_threads.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

dnnl_functions library;

static const char *missing;
static char reason[512];
static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void open_library(void) {
    cpu_threads_load();
    void *handle = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(reason, sizeof reason, "libdnnl.so.2 cannot be opened (%s); Debian: apt-get install libdnnl2",
                 dlerror());
        missing = reason;
        return;
    }
#define FIND(name)                                                                                                     \
    if (!(*(void **)&library.name = dlsym(handle, "dnnl_" #name)))                                                     \
        missing = "libdnnl.so.2 lacks dnnl_" #name;
    FOR_EACH_FUNCTION(FIND)
}

const char *dnnl_library_open(void) {
    pthread_once(&opened, open_library);
    return missing;
}

void dnnl_library_version(int32_t *major, int32_t *minor, int32_t *patch) {
    const dnnl_version_t *version = library.version();
    *major = version->major;
    *minor = version->minor;
    *patch = version->patch;
}

int32_t dnnl_library_has_block_products(void) {
    int isa = library.get_effective_cpu_isa();
    return isa == dnnl_cpu_isa_all || (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
}

// MARK: - Session

dnnl_data_type_t dnnl_type_of(int32_t dtype) {
    return dtype == 3 ? dnnl_bf16 : dnnl_f32;
}

dnnl_session *dnnl_session_create(cpu_pool *pool) {
    dnnl_session *session = calloc(1, sizeof *session);
    if (session)
        session->pool = pool;
    if (session && !library.engine_create(&session->engine, dnnl_cpu, 0) &&
        !library.stream_create(&session->stream, session->engine, dnnl_stream_default_flags))
        return session;
    dnnl_session_destroy(session);
    return 0;
}

void dnnl_session_destroy(dnnl_session *session) {
    if (!session)
        return;
    if (session->stream)
        library.stream_destroy(session->stream);
    if (session->engine)
        library.engine_destroy(session->engine);
    free(session);
}

// MARK: - Products

struct dnnl_packed {
    dnnl_session *session;
    dnnl_memory_desc_t layout;
    int64_t columns, inner;
    void *elements;
    size_t byte_count;
};

/// A row-major matrix whose rows lie `stride` apart.
static dnnl_status_t matrix(dnnl_memory_desc_t *layout, int64_t rows, int64_t columns, int64_t stride, int32_t dtype) {
    dnnl_dims_t extents = {rows, columns}, strides = {stride < columns ? columns : stride, 1};
    return library.memory_desc_init_by_strides(layout, 2, extents, dnnl_type_of(dtype), strides);
}

static dnnl_status_t append_activation(dnnl_post_ops_t steps, int32_t activation) {
    switch (activation) {
    case 2:
        return library.post_ops_append_eltwise(steps, 1, dnnl_eltwise_relu, 0, 0);
    case 3:
        return library.post_ops_append_eltwise(steps, 1, dnnl_eltwise_gelu_erf, 0, 0);
    case 4:
        return library.post_ops_append_eltwise(steps, 1, dnnl_eltwise_swish, 1, 0);
    default:
        return dnnl_success;
    }
}

dnnl_status_t dnnl_append_epilogue(dnnl_post_ops_t steps, int count, int32_t activation, int32_t residual,
                                   int32_t residual_first, dnnl_plan *plan) {
    dnnl_status_t status = dnnl_success;
    if (!residual_first) {
        status = append_activation(steps, activation);
        count += activation != 1;
    }
    if (!status && residual == DNNL_RESIDUAL_OUTPUT) {
        status = library.post_ops_append_sum(steps, 1);
    } else if (!status && residual == DNNL_RESIDUAL_OTHER) {
        plan->residual_argument = DNNL_ARG_ATTR_MULTIPLE_POST_OP(count) | DNNL_ARG_SRC_1;
        status = library.post_ops_append_binary(steps, dnnl_binary_add, &plan->residual);
    }
    if (!status && residual_first)
        status = append_activation(steps, activation);
    return status;
}

/// The plan of a product. Where alpha is not 1 the bias is a step after it.
static dnnl_status_t plan_product(dnnl_session *session, const dnnl_memory_desc_t *weight, int64_t columns,
                                  int64_t inner, const dnnl_product_shape *shape, dnnl_plan *plan) {
    dnnl_dims_t bias_extents = {1, columns};
    dnnl_primitive_attr_t attributes = 0;
    dnnl_post_ops_t steps = 0;
    int count = 0, scales = shape->alpha != 1;
    dnnl_status_t status = matrix(&plan->input, shape->rows, inner, shape->input_stride, shape->input_dtype);
    if (!status)
        status = matrix(&plan->output, shape->rows, columns, shape->output_stride, shape->output_dtype);
    if (!status)
        status = matrix(&plan->residual, shape->rows, columns, shape->residual_stride, shape->output_dtype);
    if (!status)
        status = library.memory_desc_init_by_tag(&plan->bias, 2, bias_extents, dnnl_f32, dnnl_ab);
    if (!status)
        status = library.primitive_attr_create(&attributes);
    if (!status)
        status = library.primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    if (!status)
        status = library.post_ops_create(&steps);
    if (!status && scales) {
        status = library.post_ops_append_eltwise(steps, 1, dnnl_eltwise_linear, shape->alpha, 0);
        count++;
    }
    plan->bias_argument = shape->has_bias ? DNNL_ARG_BIAS : 0;
    if (!status && scales && shape->has_bias) {
        plan->bias_argument = DNNL_ARG_ATTR_MULTIPLE_POST_OP(count) | DNNL_ARG_SRC_1;
        status = library.post_ops_append_binary(steps, dnnl_binary_add, &plan->bias);
        count++;
    }
    if (!status)
        status = dnnl_append_epilogue(steps, count, shape->activation, shape->residual, shape->residual_first, plan);
    if (!status)
        status = library.primitive_attr_set_post_ops(attributes, steps);
    dnnl_matmul_desc_t operation;
    if (!status)
        status = library.matmul_desc_init(&operation, &plan->input, weight,
                                          shape->has_bias && !scales ? &plan->bias : 0, &plan->output);
    if (!status)
        status = library.primitive_desc_create(&plan->description, &operation, attributes, session->engine, 0);
    if (steps)
        library.post_ops_destroy(steps);
    if (attributes)
        library.primitive_attr_destroy(attributes);
    return status;
}

/// Rows of the product for which the layout of a weight is chosen; others take it as it is.
enum { TYPICAL_ROWS = 256 };

dnnl_status_t dnnl_reorder_to(dnnl_session *session, const dnnl_memory_desc_t *source, const void *elements,
                              const dnnl_memory_desc_t *target, void *result) {
    dnnl_primitive_desc_t description = 0;
    dnnl_primitive_t reorder = 0;
    dnnl_memory_t from = 0, to = 0;
    dnnl_status_t status = result ? dnnl_success : dnnl_out_of_memory;
    if (!status)
        status = library.memory_create(&from, source, session->engine, (void *)(uintptr_t)elements);
    if (!status)
        status = library.memory_create(&to, target, session->engine, result);
    if (!status)
        status =
            library.reorder_primitive_desc_create(&description, source, session->engine, target, session->engine, 0);
    if (!status)
        status = library.primitive_create(&reorder, description);
    if (!status) {
        dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
        status = library.primitive_execute(reorder, session->stream, 2, arguments);
    }
    if (!status)
        status = library.stream_wait(session->stream);
    if (reorder)
        library.primitive_destroy(reorder);
    if (description)
        library.primitive_desc_destroy(description);
    if (from)
        library.memory_destroy(from);
    if (to)
        library.memory_destroy(to);
    return status;
}

void *dnnl_reordered(dnnl_session *session, const dnnl_memory_desc_t *source, const void *elements,
                     const dnnl_memory_desc_t *target, dnnl_status_t *status) {
    void *result = cpu_pool_allocate(session->pool, library.memory_desc_get_size(target));
    *status = dnnl_reorder_to(session, source, elements, target, result);
    if (!*status)
        return result;
    cpu_pool_release(session->pool, result);
    return 0;
}

/// Whether the order is panels of `width` columns, one behind the other.
static int is_in_panels(const dnnl_memory_desc_t *layout, int64_t width) {
    const dnnl_blocking_desc_t *blocks = &layout->format_desc.blocking;
    if (layout->format_kind != dnnl_blocked || layout->offset0 != 0)
        return 0;
    // From the outside in: the inner axis in blocks of any length, the panel's columns, for bfloat16 pairs.
    int is_paired = layout->data_type == dnnl_bf16, axes = is_paired ? 3 : 2;
    if (blocks->inner_nblks != axes || blocks->inner_idxs[0] != 0 || blocks->inner_idxs[1] != 1 ||
        blocks->inner_blks[1] != width || (is_paired && (blocks->inner_idxs[2] != 0 || blocks->inner_blks[2] != 2)))
        return 0;
    int64_t length = blocks->inner_blks[0] * (is_paired ? 2 : 1);
    return blocks->strides[0] == length * width && blocks->strides[1] == layout->padded_dims[0] * width;
}

/// A weight for `pack_panels`.
typedef struct panel_source {
    const cpu_kernels *kernels;
    const float *weight;
    void *target;
    int64_t columns, inner;
    int32_t parts;
} panel_source;

static void pack_panels(void *context, int32_t part) {
    const panel_source *source = context;
    int64_t width = source->kernels->panel_width, panels = (source->columns + width - 1) / width;
    int64_t first = panels * part / source->parts * width, last = panels * (part + 1) / source->parts * width;
    source->kernels->pack_weight(source->target, source->weight, source->inner, 1, source->columns, source->inner,
                                 first, last < source->columns ? last : source->columns);
}

/// The elements of a weight in the library's order. Where that is the own kernels' too, they pack: in half the time
/// that the library's reorder takes.
static void *packed_elements(const dnnl_packed *packed, const dnnl_memory_desc_t *source, const float *weight,
                             dnnl_status_t *status) {
    const cpu_kernels *kernels = cpu_kernels_best();
    cpu_pool *pool = packed->session->pool;
    int is_own = kernels && packed->layout.data_type == dnnl_f32 && packed->layout.padded_dims[0] == packed->inner &&
                 is_in_panels(&packed->layout, kernels->panel_width);
    if (!is_own)
        return dnnl_reordered(packed->session, source, weight, &packed->layout, status);
    panel_source panels = {kernels,         weight,        cpu_pool_allocate(pool, packed->byte_count),
                           packed->columns, packed->inner, pool->threads > 0 ? pool->threads : 1};
    if (panels.target)
        cpu_parallel(panels.parts, pack_panels, &panels);
    else
        *status = dnnl_out_of_memory;
    return panels.target;
}

dnnl_packed *dnnl_packed_create(dnnl_session *session, const float *weight, int64_t columns, int64_t inner,
                                int32_t dtype, int32_t *result) {
    dnnl_packed *packed = calloc(1, sizeof *packed);
    dnnl_plan plan = {0};
    dnnl_product_shape shape = {.rows = TYPICAL_ROWS, .input_stride = inner, .output_stride = columns, .alpha = 1};
    shape.residual_stride = columns;
    shape.activation = 1;
    shape.input_dtype = shape.output_dtype = dtype;
    dnnl_memory_desc_t any, source;
    // The product's right factor is [inner, columns]: the weight, transposed.
    dnnl_dims_t extents = {inner, columns}, strides = {1, inner};
    dnnl_status_t status = packed ? dnnl_success : dnnl_out_of_memory;
    if (packed)
        packed->session = session;
    if (!status)
        status = library.memory_desc_init_by_tag(&any, 2, extents, dnnl_type_of(dtype), dnnl_format_tag_any);
    if (!status)
        status = library.memory_desc_init_by_strides(&source, 2, extents, dnnl_f32, strides);
    if (!status)
        status = plan_product(session, &any, columns, inner, &shape, &plan);
    if (!status) {
        packed->layout = *library.primitive_desc_query_md(plan.description, dnnl_query_weights_md, 0);
        packed->columns = columns;
        packed->inner = inner;
        packed->byte_count = library.memory_desc_get_size(&packed->layout);
        packed->elements = packed_elements(packed, &source, weight, &status);
    }
    if (plan.description)
        library.primitive_desc_destroy(plan.description);
    *result = (int32_t)status;
    if (!status)
        return packed;
    dnnl_packed_destroy(packed);
    return 0;
}

size_t dnnl_packed_byte_count(const dnnl_packed *packed) {
    return packed->byte_count;
}

const void *dnnl_packed_panels(const dnnl_packed *packed, int64_t width, int64_t *inner) {
    *inner = packed->layout.padded_dims[0];
    return is_in_panels(&packed->layout, width) ? packed->elements : 0;
}

void dnnl_packed_destroy(dnnl_packed *packed) {
    if (packed)
        cpu_pool_release(packed->session->pool, packed->elements);
    free(packed);
}

dnnl_compiled *dnnl_product_create(dnnl_session *session, const dnnl_packed *packed, const dnnl_product_shape *shape,
                                   int32_t *result) {
    dnnl_plan plan = {0};
    dnnl_compiled *compiled = 0;
    dnnl_status_t status = plan_product(session, &packed->layout, packed->columns, packed->inner, shape, &plan);
    if (!status)
        compiled = dnnl_compile(session, &plan, &packed->layout, packed->elements, &status);
    *result = (int32_t)status;
    return compiled;
}
