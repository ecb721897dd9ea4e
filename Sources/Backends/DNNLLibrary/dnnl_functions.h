// SPDX-License-Identifier: MIT
//
// What the files of this library share: oneDNN's functions, found at run time, and small things made of them.
#ifndef BEASTS_DNNL_FUNCTIONS_H
#define BEASTS_DNNL_FUNCTIONS_H

#include "dnnl_library.h"

#include <oneapi/dnnl/dnnl.h>

/// The functions in use; their types are those of oneDNN's own header.
#define FOR_EACH_FUNCTION(F)                                                                                           \
    F(version)                                                                                                         \
    F(get_effective_cpu_isa)                                                                                           \
    F(engine_create)                                                                                                   \
    F(engine_destroy)                                                                                                  \
    F(stream_create)                                                                                                   \
    F(stream_destroy)                                                                                                  \
    F(stream_wait)                                                                                                     \
    F(memory_desc_init_by_tag)                                                                                         \
    F(memory_desc_init_by_strides)                                                                                     \
    F(memory_desc_get_size)                                                                                            \
    F(memory_desc_equal)                                                                                               \
    F(memory_create)                                                                                                   \
    F(memory_destroy)                                                                                                  \
    F(memory_set_data_handle)                                                                                          \
    F(matmul_desc_init)                                                                                                \
    F(convolution_forward_desc_init)                                                                                   \
    F(primitive_attr_create)                                                                                           \
    F(primitive_attr_destroy)                                                                                          \
    F(primitive_attr_set_scratchpad_mode)                                                                              \
    F(primitive_attr_set_post_ops)                                                                                     \
    F(post_ops_create)                                                                                                 \
    F(post_ops_destroy)                                                                                                \
    F(post_ops_append_eltwise)                                                                                         \
    F(post_ops_append_sum)                                                                                             \
    F(post_ops_append_binary)                                                                                          \
    F(primitive_desc_create)                                                                                           \
    F(primitive_desc_destroy)                                                                                          \
    F(primitive_desc_query_md)                                                                                         \
    F(primitive_desc_query)                                                                                            \
    F(reorder_primitive_desc_create)                                                                                   \
    F(primitive_create)                                                                                                \
    F(primitive_execute)                                                                                               \
    F(primitive_destroy)

#define DECLARE(name) __typeof__(dnnl_##name) *name;
typedef struct dnnl_functions {
    FOR_EACH_FUNCTION(DECLARE)
} dnnl_functions;
#undef DECLARE

extern dnnl_functions library;

struct dnnl_session {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    /// Of packed weights.
    cpu_pool *pool;
};

/// oneDNN's number of an element type of the contract.
dnnl_data_type_t dnnl_type_of(int32_t dtype);

/// What a primitive is compiled from.
typedef struct dnnl_plan {
    dnnl_memory_desc_t input, output, bias, residual;
    /// The arguments that bias and residual are given as; 0 where there is none.
    int bias_argument, residual_argument;
    dnnl_primitive_desc_t description;
} dnnl_plan;

/// Appends activation and residual, in their order, as steps after a product; `count` steps stand before them. The
/// residual lies as `plan->residual` says.
dnnl_status_t dnnl_append_epilogue(dnnl_post_ops_t steps, int count, int32_t activation, int32_t residual,
                                   int32_t residual_first, dnnl_plan *plan);

/// Compiles a plan, whose description goes; null on failure.
dnnl_compiled *dnnl_compile(dnnl_session *session, dnnl_plan *plan, const dnnl_memory_desc_t *weight_layout,
                            void *weight, dnnl_status_t *status);

/// Copies elements in one layout and type to `result`, in another; a null `result` is out of memory.
dnnl_status_t dnnl_reorder_to(dnnl_session *session, const dnnl_memory_desc_t *source, const void *elements,
                              const dnnl_memory_desc_t *target, void *result);

/// Copies elements in one layout and type to memory of their own in another, from the session's pool; null on failure.
void *dnnl_reordered(dnnl_session *session, const dnnl_memory_desc_t *source, const void *elements,
                     const dnnl_memory_desc_t *target, dnnl_status_t *status);

#endif
