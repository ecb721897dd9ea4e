// SPDX-License-Identifier: MIT
//
// The few things of oneDNN's C API (version 2) that the backend uses. The library is opened at run time, so that a
// machine without it gets a reason, not a loader's error.
#ifndef BEASTS_DNNL_LIBRARY_H
#define BEASTS_DNNL_LIBRARY_H

#include "cpu_pool.h"

#include <stddef.h>
#include <stdint.h>

/// Opens libdnnl.so.2; null when it is there, else one sentence that says why not. Safe from any thread.
const char *dnnl_library_open(void);

/// Of the open library.
void dnnl_library_version(int32_t *major, int32_t *minor, int32_t *patch);

/// Whether the open library has its batch-reduced products (brgemm) for this processor: AVX-512 and up.
int32_t dnnl_library_has_block_products(void);

/// Statuses of the library that mean something to the caller.
enum { DNNL_STATUS_OUT_OF_MEMORY = 1, DNNL_STATUS_UNIMPLEMENTED = 3 };

/// An engine and a stream on the processor, used by one thread at a time.
typedef struct dnnl_session dnnl_session;
/// Packed weights lie in the pool, which outlives the session. Null where there is no memory.
dnnl_session *dnnl_session_create(cpu_pool *pool);
void dnnl_session_destroy(dnnl_session *session);

/// A matrix [columns, inner] in the order that the library prefers.
typedef struct dnnl_packed dnnl_packed;
/// Copies and reorders a row-major matrix, rounded to `dtype` (of the contract: 1 float32, 3 bfloat16). Null on
/// failure, with the library's status in `status`.
dnnl_packed *dnnl_packed_create(dnnl_session *session, const float *weight, int64_t columns, int64_t inner,
                                int32_t dtype, int32_t *status);
size_t dnnl_packed_byte_count(const dnnl_packed *packed);
/// The elements where the library keeps them in panels of `width` columns, [inner][column], or [pair of the inner
/// axis][column][first, second] where they are bfloat16, with `inner` (padded with zeros, so at least the matrix's own)
/// elements of the inner axis each. Null where it does not.
const void *dnnl_packed_panels(const dnnl_packed *packed, int64_t width, int64_t *inner);
void dnnl_packed_destroy(dnnl_packed *packed);

enum dnnl_product_residual { DNNL_RESIDUAL_NONE, DNNL_RESIDUAL_OUTPUT, DNNL_RESIDUAL_OTHER };

/// What a compiled product is for.
typedef struct dnnl_product_shape {
    int64_t rows, input_stride, output_stride, residual_stride;
    float alpha;
    int32_t has_bias, residual, residual_first;
    /// Of the contract: 1 none, 2 ReLU, 3 GELU, 4 SiLU.
    int32_t activation;
    /// Of the contract; the input's is the weight's, the residual's the output's.
    int32_t input_dtype, output_dtype;
} dnnl_product_shape;

/// A product or a convolution with one weight, compiled for one shape; the weight outlives it.
typedef struct dnnl_compiled dnnl_compiled;
size_t dnnl_compiled_scratch_byte_count(const dnnl_compiled *compiled);
/// Runs it on the caller's OpenMP threads. 0 or the library's status.
int32_t dnnl_compiled_run(const dnnl_compiled *compiled, const void *input, const float *bias, const void *residual,
                          void *output, void *scratch);
void dnnl_compiled_destroy(dnnl_compiled *compiled);

/// output = epilogue(alpha * input x weight^T). Null on failure, with the library's status.
dnnl_compiled *dnnl_product_create(dnnl_session *session, const dnnl_packed *packed, const dnnl_product_shape *shape,
                                   int32_t *status);

/// What a compiled convolution is for; pictures are dense, channels last.
typedef struct dnnl_convolution_shape {
    int64_t pictures, height, width, channels, output_height, output_width, outputs, groups;
    int64_t kernel_height, kernel_width, stride_y, stride_x;
    int64_t padding_top, padding_bottom, padding_left, padding_right;
    /// Bias, then the residual, then the activation, or the other way round.
    int32_t has_bias, residual, residual_first, activation;
    /// Of the contract, for all but the bias.
    int32_t dtype;
} dnnl_convolution_shape;

/// A kernel [outputs, kernel height, kernel width, channels / groups], reordered for each convolution that wants it
/// another way.
typedef struct dnnl_kernel dnnl_kernel;
/// Copies the kernel, rounded to `dtype`. Null where there is no memory or on failure.
dnnl_kernel *dnnl_kernel_create(dnnl_session *session, const float *elements, const dnnl_convolution_shape *shape,
                                int32_t *status);
size_t dnnl_kernel_byte_count(const dnnl_kernel *kernel);
void dnnl_kernel_destroy(dnnl_kernel *kernel);

/// output = epilogue(convolution of the input). Null on failure; DNNL_STATUS_UNIMPLEMENTED where the library has no
/// fast implementation of it.
dnnl_compiled *dnnl_convolution_create(dnnl_session *session, dnnl_kernel *kernel, const dnnl_convolution_shape *shape,
                                       int32_t *status);

#endif
