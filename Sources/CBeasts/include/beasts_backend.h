// SPDX-License-Identifier: MIT
//
// The contract between the beasts host and a backend: everything, and nothing of ours is needed beside this file.
//
// A backend is a dynamic library named libBeasts<Name>Backend.so that exports one symbol, `beasts_backend_query`
// (last declaration below). It answers with a table of functions. The rules that hold for all of them:
//
//  1. Only fixed-width integers, floats, pointers and UTF-8 `const char *` cross the boundary. Every structure starts
//     with its own size in bytes; the reader copies min(size, its own size) bytes into a zeroed structure of its own.
//     Structures grow at their end only. A function that is missing from a shorter table is null.
//  2. Every function returns a status code (enum beasts_status_code) and, unless it is BEASTS_OK, leaves one readable
//     sentence in `status->message`. `status` may be null. Nothing may throw, jump or trap across the boundary,
//     whatever the arguments hold: check first, and answer BEASTS_INVALID_ARGUMENT.
//  3. Enumerations travel as int32_t; 0 is never a valid value.
//  4. Buffers and prepared weights are 64-bit handles that the backend chooses; 0 is never a handle.
//  5. A context is an in-order queue used by one thread at a time; several contexts may exist and are independent.
//     An op may return before it is done. `download` and `synchronize` wait for all that was queued.
//  6. Activations are channels-last: pictures [batch, height, width, channels], clips [batch, time, height, width,
//     channels], tokens [batch, tokens, width].
//  7. Views are strided (see beasts_view). The last axis of every view given to an op other than `fill` and `copy` has
//     stride 1 or extent 1, with two exceptions: the inputs of add and multiply may also repeat it with stride 0, and
//     the operands of matmul, attention and attention_probabilities may have stride 1 on either of their last two axes.
//     A backend states a preferred alignment and still accepts any element offset.
//  8. Outputs never overlap themselves, and overlap no input, with these exceptions, where output and input must be
//     exactly the same view: add, multiply, scale, activation and softmax may work in place; the output of linear,
//     conv2d, conv3d and conv_transpose3d may be their residual. The host keeps this rule; a backend need not check it.
//  9. Every op accepts float32 views. Other element types are accepted where the text of the op says so, and where
//     `supports` answers 1. Products accumulate in float32 or better; normalisation and softmax statistics likewise.
//     A device that names a 16-bit type among its `native_dtypes` does what a model in that precision needs: linear
//     and conv2d whose input and weight have the type (a weight of a 16-bit type meets inputs of that type only), with
//     output and residual of that type or, both, float32, and float32 bias; attention over views of the type (without
//     that op: matmul and softmax); layer_norm and residual_layer_norm from float32 to the type; max_pool2d over the
//     type; reduce from the type to float32. Optional ops may be absent all the same.
// 10. An extent of 0 on a batch or row axis is legal and does nothing. NaN and infinity follow IEEE arithmetic: a NaN
//     input gives a NaN output for every element that depends on it, unless an op says otherwise.
#ifndef BEASTS_BACKEND_H
#define BEASTS_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The version of this contract. The major numbers of host and backend must be equal; the minor number rises when
/// entries or fields are added at the end, and is for information only (sizes tell the rest).
#define BEASTS_ABI_MAJOR 1u
#define BEASTS_ABI_MINOR 2u

/// The largest number of axes of a view.
#define BEASTS_MAXIMUM_RANK 8

/// What a function returns.
enum beasts_status_code {
    BEASTS_OK = 0,
    /// A shape, stride, range, handle or enumeration value is wrong.
    BEASTS_INVALID_ARGUMENT = 1,
    /// Legal, but this backend does not do it; the host may compose it from other ops.
    BEASTS_UNSUPPORTED = 2,
    BEASTS_OUT_OF_MEMORY = 3,
    /// The device is gone; the context is of no further use.
    BEASTS_DEVICE_LOST = 4,
    /// A fault of the backend.
    BEASTS_INTERNAL = 5
};

/// Caller-owned detail of a failure.
typedef struct beasts_status {
    uint32_t struct_size;
    int32_t code;
    /// UTF-8, ended by a zero byte; what was attempted, what was found.
    char message[504];
} beasts_status;

/// Element types.
enum beasts_dtype {
    BEASTS_FLOAT32 = 1,
    BEASTS_FLOAT16 = 2,
    BEASTS_BFLOAT16 = 3,
    BEASTS_INT32 = 4,
    BEASTS_UINT8 = 5,
    /// As the target of prepare_weight with one scale a row that the backend keeps to itself; plain numbers elsewhere.
    BEASTS_INT8 = 6
};

/// A strided window onto a buffer. Element [i0, i1, ...] lies at element `offset + i0 * stride[0] + i1 * stride[1] +
/// ...` of the buffer. Strides count elements and are never negative; stride 0 repeats an element and is for inputs
/// only. `buffer` 0 means "no view" where an argument is optional. Extents and strides beyond `rank` are ignored.
typedef struct beasts_view {
    uint64_t buffer;
    int64_t offset;
    int32_t dtype;
    int32_t rank;
    int64_t shape[BEASTS_MAXIMUM_RANK];
    int64_t stride[BEASTS_MAXIMUM_RANK];
} beasts_view;

/// What the host says of itself.
typedef struct beasts_host_info {
    uint32_t struct_size;
    uint32_t abi_major;
    uint32_t abi_minor;
    uint32_t reserved;
    /// The host's name and version, such as "beasts 0.1.0".
    const char *description;
} beasts_host_info;

/// Whether and how well a device can run here.
typedef struct beasts_probe_result {
    uint32_t struct_size;
    /// 0: cannot run here. 1 to 49: a software device. 50 to 99: a CPU. 100 to 199: an integrated GPU. 200 and up: a
    /// GPU.
    int32_t score;
    /// How many devices this backend sees; they are numbered from 0.
    int32_t device_count;
    /// Bit (1 << dtype) is set for each element type of activations that the device computes with natively: what it
    /// then must be able to do is said in rule 9. The bit of int8: linear takes int8 weights for 16-bit inputs.
    uint32_t native_dtypes;
    /// Memory of the device in bytes, 0 when it is the host's.
    uint64_t memory_byte_count;
    char device_name[128];
    /// Why the score is what it is: one sentence, always present when the score is 0.
    char reason[360];
    /// Bytes of the cache in which each of the threads that compute finds what the op before wrote. A host may give the
    /// pictures of a batch a few at a time where their activations then stay there. 0: whole batches, please.
    uint64_t cache_byte_count;
} beasts_probe_result;

typedef struct beasts_context_options {
    uint32_t struct_size;
    /// The device's number, or -1 for the backend's own choice.
    int32_t device;
    /// Threads to compute with, or 0 for the backend's own choice. The same count gives the same results.
    int32_t thread_count;
    int32_t reserved;
} beasts_context_options;

/// A queue of work, owned by the backend.
typedef struct beasts_context beasts_context;

// MARK: - Weights

/// What a prepared weight is for.
enum beasts_weight_kind {
    /// Rows of a matrix [N, K] for `linear`, `patch_embedding` and `nearest_code`. A part of rank above 2 is read as
    /// [N, product of the others], in the order of its axes.
    BEASTS_WEIGHT_LINEAR = 1,
    /// [output channels, input channels / groups, kernel height, kernel width]
    BEASTS_WEIGHT_CONV2D = 2,
    /// [output channels, input channels, kernel time, kernel height, kernel width]
    BEASTS_WEIGHT_CONV3D = 3,
    /// [input channels, output channels, kernel time, kernel height, kernel width]
    BEASTS_WEIGHT_CONV_TRANSPOSE3D = 4,
    /// Rows of a table [R, D]. The handle is also a buffer handle: dense rows of the target element type.
    BEASTS_WEIGHT_EMBEDDING = 5,
    /// A bias, scale or other small tensor of any rank. The handle is also a buffer handle: dense, target element type.
    BEASTS_WEIGHT_VECTOR = 6
};

/// A piece of a weight in host memory; element [i0, ...] lies at byte (i0 * stride[0] + ...) * size of an element of
/// `data`.
typedef struct beasts_weight_part {
    uint32_t struct_size;
    /// float32, float16 or bfloat16.
    int32_t dtype;
    const void *data;
    /// Bytes that may be read from `data` on.
    uint64_t byte_count;
    int32_t rank;
    int32_t reserved;
    int64_t shape[BEASTS_MAXIMUM_RANK];
    int64_t stride[BEASTS_MAXIMUM_RANK];
} beasts_weight_part;

/// Parts are concatenated along their first axis; all other extents are equal (so that query, key and value matrices
/// may be one weight). The host keeps the parts alive during the call only.
typedef struct beasts_weight_description {
    uint32_t struct_size;
    int32_t kind;
    /// How the backend is to keep it: float32, float16, bfloat16 or int8. BEASTS_UNSUPPORTED when it cannot. Weights of
    /// int8 meet 16-bit inputs, each row of which the backend may round to int8 with a scale of its own.
    int32_t target_dtype;
    /// For conv2d; 1 otherwise.
    int32_t groups;
    /// An array of `part_count` structures, each `parts[0].struct_size` bytes long.
    const beasts_weight_part *parts;
    uint32_t part_count;
    uint32_t reserved;
} beasts_weight_description;

// MARK: - Arguments of the ops

enum beasts_activation {
    BEASTS_ACTIVATION_NONE = 1,
    BEASTS_ACTIVATION_RELU = 2,
    BEASTS_ACTIVATION_GELU = 3,
    BEASTS_ACTIVATION_SILU = 4
};

/// Bias first, always. Then the activation and after it the residual (transformers), or the other way round (ResNets).
enum beasts_epilogue_order { BEASTS_ACTIVATION_THEN_RESIDUAL = 1, BEASTS_RESIDUAL_THEN_ACTIVATION = 2 };

/// What is done to a product before it is stored. A backend that cannot do a given one answers BEASTS_UNSUPPORTED (and
/// 0 from `supports`); the empty epilogue is always accepted.
typedef struct beasts_epilogue {
    /// [output channels], or no view.
    beasts_view bias;
    /// The output's shape, or no view; may be the output itself, so that results are accumulated.
    beasts_view residual;
    int32_t activation;
    int32_t order;
} beasts_epilogue;

/// Sets every element of `output`, of any of the six dtypes, to `value` (rounded to nearest even, saturated for
/// integers).
typedef struct beasts_fill_arguments {
    uint32_t struct_size;
    uint32_t reserved;
    beasts_view output;
    double value;
} beasts_fill_arguments;

/// output = input, equal shapes, any strides, any two of the six dtypes (round to nearest even, saturate to integers,
/// NaN to 0 for integers): also cast, permute, concatenate, slice, broadcast, nearest upsampling, zero insertion.
typedef struct beasts_copy_arguments {
    uint32_t struct_size;
    uint32_t reserved;
    beasts_view output;
    beasts_view input;
} beasts_copy_arguments;

/// output [n, D] = rows `indices` [n] (int32) of table [R, D] (a buffer or a prepared embedding, the output's dtype).
/// An index outside [0, R) gives BEASTS_INVALID_ARGUMENT, at the latest from the next synchronize or download.
typedef struct beasts_gather_rows_arguments {
    uint32_t struct_size;
    uint32_t reserved;
    beasts_view output;
    beasts_view table;
    beasts_view indices;
} beasts_gather_rows_arguments;

/// output = left + right; all of the output's shape, inputs broadcast by stride 0.
typedef struct beasts_add_arguments {
    uint32_t struct_size;
    uint32_t reserved;
    beasts_view output;
    beasts_view left;
    beasts_view right;
} beasts_add_arguments;

/// output = left * right, as beasts_add_arguments.
typedef beasts_add_arguments beasts_multiply_arguments;

/// output = alpha * input + beta
typedef struct beasts_scale_arguments {
    uint32_t struct_size;
    uint32_t reserved;
    beasts_view output;
    beasts_view input;
    float alpha;
    float beta;
} beasts_scale_arguments;

/// output = activation(input): ReLU max(x, 0) with NaN kept; GELU x/2 (1 + erf(x/sqrt 2)); SiLU x / (1 + exp(-x)).
typedef struct beasts_activation_arguments {
    uint32_t struct_size;
    int32_t activation;
    beasts_view output;
    beasts_view input;
} beasts_activation_arguments;

/// output [.., M, N] = alpha * left [.., M, K] x right [.., K, N]; rank 2 to 4, equal batch extents (stride 0 repeats
/// an input); transposition by strides. K = 0 gives zeros.
typedef struct beasts_matmul_arguments {
    uint32_t struct_size;
    float alpha;
    beasts_view output;
    beasts_view left;
    beasts_view right;
} beasts_matmul_arguments;

/// output [.., N] = epilogue(alpha * input [.., K] x weight^T), weight prepared [N, K]; rank 1 to 8. Of rank 3, the
/// rows of an item [row, K] and the columns of the weight may be multiplied together (Strassen): the error of an
/// element is then bounded by the largest elements of its item and of the weight, and what is not finite, or within a
/// factor of 8 of the largest float, in one row or column may make others of its item NaN. Items never touch each
/// other, and the rows of other ranks never do.
typedef struct beasts_linear_arguments {
    uint32_t struct_size;
    float alpha;
    beasts_view output;
    beasts_view input;
    uint64_t weight;
    beasts_epilogue epilogue;
} beasts_linear_arguments;

/// output [B, H', W', Co] = epilogue(convolution of input [B, H, W, Ci]), weight prepared for conv2d, padded with
/// zeros; H' = (H + padding_top + padding_bottom - kernel height) / stride_y + 1, rounded down.
typedef struct beasts_conv2d_arguments {
    uint32_t struct_size;
    int32_t groups;
    beasts_view output;
    beasts_view input;
    uint64_t weight;
    int32_t stride_y;
    int32_t stride_x;
    int32_t padding_top;
    int32_t padding_bottom;
    int32_t padding_left;
    int32_t padding_right;
    beasts_epilogue epilogue;
} beasts_conv2d_arguments;

/// output [B, H', W', C] = largest of each window of input [B, H, W, C]; padded with minus infinity; sizes as conv2d.
/// Padding is smaller than the kernel, so that no window is empty. A NaN in a window is its largest element.
typedef struct beasts_max_pool2d_arguments {
    uint32_t struct_size;
    uint32_t reserved;
    beasts_view output;
    beasts_view input;
    int32_t kernel_y;
    int32_t kernel_x;
    int32_t stride_y;
    int32_t stride_x;
    int32_t padding_top;
    int32_t padding_bottom;
    int32_t padding_left;
    int32_t padding_right;
} beasts_max_pool2d_arguments;

/// output [.., M, N] = softmax of scale * input over the last axis; rank 2 to 4. Row m sees the keys n with
/// n < key_length and, if causal is 1 (it is 0 or 1), n <= m + query_offset; the others get 0. A row that sees no key
/// is 0.
typedef struct beasts_softmax_arguments {
    uint32_t struct_size;
    float scale;
    beasts_view output;
    beasts_view input;
    int32_t causal;
    int32_t reserved;
    int64_t query_offset;
    int64_t key_length;
} beasts_softmax_arguments;

/// output = activation((input - mean) / sqrt(variance + epsilon) * weight + bias) over the last axis [D]; population
/// variance; weight and bias [D]; activation none or SiLU.
typedef struct beasts_layer_norm_arguments {
    uint32_t struct_size;
    int32_t activation;
    beasts_view output;
    beasts_view input;
    beasts_view weight;
    beasts_view bias;
    float epsilon;
    int32_t reserved;
} beasts_layer_norm_arguments;

/// As layer_norm, over all positions and the channels of one group of input [B, .., C]; rank 2 to 5; groups divides C.
typedef struct beasts_group_norm_arguments {
    uint32_t struct_size;
    int32_t activation;
    beasts_view output;
    beasts_view input;
    beasts_view weight;
    beasts_view bias;
    float epsilon;
    int32_t groups;
} beasts_group_norm_arguments;

enum beasts_reduction { BEASTS_REDUCTION_SUM = 1, BEASTS_REDUCTION_MEAN = 2, BEASTS_REDUCTION_MAXIMUM = 3 };

/// output [outer, inner] = sum, mean or maximum of input [outer, n, inner] over n. n = 0 gives 0 for the sum and is an
/// invalid argument otherwise. The maximum of elements with a NaN is NaN.
typedef struct beasts_reduce_arguments {
    uint32_t struct_size;
    int32_t reduction;
    beasts_view output;
    beasts_view input;
} beasts_reduce_arguments;

enum beasts_extremum { BEASTS_EXTREMUM_MAXIMUM = 1, BEASTS_EXTREMUM_MINIMUM = 2 };

/// output [rows] (int32) = where input [rows, n] is largest or smallest; the first of equals. A NaN counts as the
/// extremum, the first NaN of several (as in NumPy and PyTorch). n is at least 1.
typedef struct beasts_arg_reduce_arguments {
    uint32_t struct_size;
    int32_t extremum;
    beasts_view output;
    beasts_view input;
} beasts_arg_reduce_arguments;

/// output [B, heads, M, d] = softmax(scale * query [B, heads, M, d] x key^T [B, heads, N, d]) x value [B, heads, N, d];
/// d <= 512; masks as in softmax; keys and values from key_length on are not read. Views are usually permutations of
/// one [B, tokens, 3, heads, d] buffer.
typedef struct beasts_attention_arguments {
    uint32_t struct_size;
    float scale;
    beasts_view output;
    beasts_view query;
    beasts_view key;
    beasts_view value;
    int32_t causal;
    int32_t reserved;
    int64_t query_offset;
    int64_t key_length;
} beasts_attention_arguments;

/// output [B, heads, M, N] = softmax(scale * query x key^T); as attention.
typedef struct beasts_attention_probabilities_arguments {
    uint32_t struct_size;
    float scale;
    beasts_view output;
    beasts_view query;
    beasts_view key;
    int32_t causal;
    int32_t reserved;
    int64_t query_offset;
    int64_t key_length;
} beasts_attention_probabilities_arguments;

/// residual += input, then output = layer_norm(residual); all of one shape, weight and bias [D].
typedef struct beasts_residual_layer_norm_arguments {
    uint32_t struct_size;
    float epsilon;
    beasts_view output;
    beasts_view residual;
    beasts_view input;
    beasts_view weight;
    beasts_view bias;
} beasts_residual_layer_norm_arguments;

enum beasts_padding_mode { BEASTS_PADDING_ZERO = 1, BEASTS_PADDING_REPLICATE = 2 };

/// output [B, T', H', W', Co] = epilogue(convolution of input [B, T, H, W, Ci]), weight prepared for conv3d. Axes in
/// the order time, height, width. The input is extended by zeros or by its edge elements. Weights are prepared for this
/// op alone, so a backend that has it (or conv_transpose3d) has it for every float32 shape.
typedef struct beasts_conv3d_arguments {
    uint32_t struct_size;
    int32_t padding_mode;
    beasts_view output;
    beasts_view input;
    uint64_t weight;
    int32_t stride[3];
    int32_t padding_before[3];
    int32_t padding_after[3];
    int32_t reserved;
    beasts_epilogue epilogue;
} beasts_conv3d_arguments;

/// The input is extended as in conv3d, then a transposed convolution with this stride; `cropping` elements are left out
/// at both ends of each axis: T' = (T + before + after - 1) * stride + kernel - 2 * cropping.
typedef struct beasts_conv_transpose3d_arguments {
    uint32_t struct_size;
    int32_t padding_mode;
    beasts_view output;
    beasts_view input;
    uint64_t weight;
    int32_t stride[3];
    int32_t padding_before[3];
    int32_t padding_after[3];
    int32_t cropping[3];
    beasts_epilogue epilogue;
} beasts_conv_transpose3d_arguments;

/// output [B, patches, D] = bias + input patches x weight^T. Input [B, H, W, C] or [B, T, H, W, C]; patches of patch[0]
/// frames (1 for pictures) by patch[1] rows by patch[2] columns, in the order time, row, column; elements beyond the
/// last whole patch are not read. Weight prepared linear, [D, patch[0] * patch[1] * patch[2] * C] in the order frame,
/// row, column, channel.
typedef struct beasts_patch_embedding_arguments {
    uint32_t struct_size;
    int32_t patch[3];
    beasts_view output;
    beasts_view input;
    uint64_t weight;
    beasts_view bias;
} beasts_patch_embedding_arguments;

/// codes [rows] (int32) = the row of the codebook [K, D] nearest to input [rows, D], the first of equals;
/// distances [rows] = its squared distance less the input's own squared norm. Weight prepared linear;
/// squared_norms [K] holds the squared norm of each code.
typedef struct beasts_nearest_code_arguments {
    uint32_t struct_size;
    uint32_t reserved;
    beasts_view codes;
    beasts_view distances;
    beasts_view input;
    uint64_t weight;
    beasts_view squared_norms;
} beasts_nearest_code_arguments;

/// values, indices [rows, k] = the k largest of input [rows, n] in falling order, the lower index first among equals;
/// ties [rows] (int32) = how many elements of the row equal the k-th value. 1 <= k <= n. NaN counts as the largest.
typedef struct beasts_top_k_arguments {
    uint32_t struct_size;
    uint32_t reserved;
    beasts_view values;
    beasts_view indices;
    beasts_view ties;
    beasts_view input;
} beasts_top_k_arguments;

// MARK: - The list of ops

/// The one list of ops: number, name, whether every backend must have it. The table's entries, the enumeration and
/// the description in `supports` all follow from it. New ops are added at the end.
#define BEASTS_FOR_EACH_OP(OP)                                                                                         \
    OP(1, fill, 1)                                                                                                     \
    OP(2, copy, 1)                                                                                                     \
    OP(3, gather_rows, 1)                                                                                              \
    OP(4, add, 1)                                                                                                      \
    OP(5, multiply, 1)                                                                                                 \
    OP(6, scale, 1)                                                                                                    \
    OP(7, activation, 1)                                                                                               \
    OP(8, matmul, 1)                                                                                                   \
    OP(9, linear, 1)                                                                                                   \
    OP(10, conv2d, 1)                                                                                                  \
    OP(11, max_pool2d, 1)                                                                                              \
    OP(12, softmax, 1)                                                                                                 \
    OP(13, layer_norm, 1)                                                                                              \
    OP(14, group_norm, 1)                                                                                              \
    OP(15, reduce, 1)                                                                                                  \
    OP(16, arg_reduce, 1)                                                                                              \
    OP(17, attention, 0)                                                                                               \
    OP(18, attention_probabilities, 0)                                                                                 \
    OP(19, residual_layer_norm, 0)                                                                                     \
    OP(20, conv3d, 0)                                                                                                  \
    OP(21, conv_transpose3d, 0)                                                                                        \
    OP(22, patch_embedding, 0)                                                                                         \
    OP(23, nearest_code, 0)                                                                                            \
    OP(24, top_k, 0)

/// BEASTS_OP_fill = 1, BEASTS_OP_copy = 2, ...
#define BEASTS_OP_ENUMERATOR(number, name, required) BEASTS_OP_##name = number,
enum beasts_op { BEASTS_FOR_EACH_OP(BEASTS_OP_ENUMERATOR) };
#undef BEASTS_OP_ENUMERATOR

// MARK: - The table

/// What a backend is. It lives as long as the process. Functions marked optional may be null.
typedef struct beasts_backend_table {
    uint32_t struct_size;
    uint32_t abi_major;
    uint32_t abi_minor;
    /// Bytes; a power of two. Buffers of the host's own making start at multiples of it.
    uint32_t preferred_alignment;
    /// The short name used on the command line, such as "vulkan": lower-case letters, digits and hyphens.
    const char *name;
    const char *version;
    /// One sentence for people.
    const char *description;

    /// Says whether device `device` (-1: the best) can run. Cheap, without side effects; may be called before any
    /// context. -2 is the best that is no software device, for a host that chooses among backends: one that finds
    /// nothing else need not start a driver for its score of 0, and one that has no software devices answers as to -1.
    int32_t (*probe)(int32_t device, beasts_probe_result *result, beasts_status *status);

    int32_t (*create_context)(const beasts_context_options *options, beasts_context **context, beasts_status *status);
    /// Waits for queued work and frees everything that belongs to the context, buffers and weights included.
    int32_t (*destroy_context)(beasts_context *context, beasts_status *status);
    /// Waits for queued work; reports the first failure of it.
    int32_t (*synchronize)(beasts_context *context, beasts_status *status);

    /// Makes a buffer of `byte_count` bytes (0 is legal), its content undefined.
    int32_t (*create_buffer)(beasts_context *context, uint64_t byte_count, uint64_t *buffer, beasts_status *status);
    /// Frees a buffer once the work queued before has used it.
    int32_t (*destroy_buffer)(beasts_context *context, uint64_t buffer, beasts_status *status);
    /// Copies host memory into a buffer, in queue order; the host memory may be reused as soon as the call returns.
    int32_t (*upload)(beasts_context *context, uint64_t buffer, uint64_t byte_offset, const void *source,
                      uint64_t byte_count, beasts_status *status);
    /// Waits for queued work, then copies from a buffer to host memory.
    int32_t (*download)(beasts_context *context, uint64_t buffer, uint64_t byte_offset, void *destination,
                        uint64_t byte_count, beasts_status *status);
    /// Optional: the host address of a host-visible buffer, valid until the buffer is destroyed. Synchronize before
    /// use.
    int32_t (*map)(beasts_context *context, uint64_t buffer, void **address, beasts_status *status);

    /// Takes a weight over: converts, packs and keeps it. `byte_count` receives what it occupies.
    int32_t (*prepare_weight)(beasts_context *context, const beasts_weight_description *description, uint64_t *weight,
                              uint64_t *byte_count, beasts_status *status);
    int32_t (*release_weight)(beasts_context *context, uint64_t weight, beasts_status *status);

    /// Optional: whether a call with these very arguments would be accepted (`answer` 1 or 0). Only dtypes, ranks,
    /// shapes, strides and parameters count; buffer handles may be any number, with 0 for an absent view as always.
    /// Without this function every op that is not null is taken to accept all it must.
    int32_t (*supports)(beasts_context *context, int32_t op, const void *arguments, int32_t *answer,
                        beasts_status *status);

    /// The ops, in the order of the list: int32_t name(context, const beasts_name_arguments *, status).
#define BEASTS_OP_ENTRY(number, name, required)                                                                        \
    int32_t (*name)(beasts_context * context, const beasts_##name##_arguments *arguments, beasts_status *status);
    BEASTS_FOR_EACH_OP(BEASTS_OP_ENTRY)
#undef BEASTS_OP_ENTRY
} beasts_backend_table;

/// The one exported symbol. Fills `table` with the address of the backend's table, or refuses with a code and a reason
/// (wrong major version, hardware that can never work). It does no work of its own: devices are looked at by `probe`.
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
int32_t
beasts_backend_query(const beasts_host_info *host, const beasts_backend_table **table, beasts_status *status);

/// The type of that symbol, for hosts.
typedef int32_t (*beasts_backend_query_function)(const beasts_host_info *host, const beasts_backend_table **table,
                                                 beasts_status *status);

#ifdef __cplusplus
}
#endif
#endif
