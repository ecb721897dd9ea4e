// SPDX-License-Identifier: MIT
//
// The hot loops of the CPU backends: plain C compiled once for each instruction set, chosen at run time.
//
// Every function here works on one thread; whoever calls it splits the work (see cpu_threads.h). Nothing allocates:
// scratch memory is lent by the caller, 64-byte aligned. All strides and extents count elements.
#ifndef BEASTS_CPU_KERNELS_H
#define BEASTS_CPU_KERNELS_H

#include "beasts_backend.h"

#include <stddef.h>
#include <stdint.h>

/// What is done to the tiles of a product before they are stored: bias, then activation and residual in this order or
/// the other.
typedef struct cpu_epilogue {
    /// [columns], or null.
    const float *bias;
    /// Rows as the output's, or null; may be the output itself.
    const float *residual;
    int64_t residual_stride;
    int32_t activation;
    /// 1: the residual is added before the activation.
    int32_t residual_first;
} cpu_epilogue;

/// The left factor of a product, row by row: rows of memory, or the windows of a convolution.
typedef struct cpu_rows {
    const float *base;
    /// Distance between rows; for windows, between the channels of neighbouring columns of the picture.
    int64_t stride;
    /// Distance between the elements of a plain row.
    int64_t step;
    /// Below: windows only, `kernel_height` 0 for plain rows. Row m is output position m of the picture, its elements
    /// are [kernel row, kernel column, channel].
    int64_t picture_stride, line_stride;
    int32_t height, width, channels, output_height, output_width;
    int32_t kernel_height, kernel_width, stride_y, stride_x, padding_top, padding_left;
} cpu_rows;

/// output [rows, columns] = epilogue(alpha * input [rows, inner] x weight^T).
typedef struct cpu_product {
    cpu_rows input;
    /// From `pack_weight`.
    const void *weight;
    float *output;
    int64_t output_stride;
    int64_t columns, inner;
    float alpha;
    cpu_epilogue epilogue;
} cpu_product;

/// output [rows, columns] = epilogue(alpha * input [rows, inner] x weight^T) with a weight of 8 or 16 bits.
typedef struct cpu_reduced_product {
    /// float16 or bfloat16; distances in elements.
    const void *input;
    int64_t input_stride;
    int32_t input_dtype;
    /// Of output and residual: float32, float16 or bfloat16.
    int32_t output_dtype;
    /// From `pack_quads` or `pack_group_pairs`, or panels of pairs.
    const void *weight;
    void *output;
    int64_t output_stride;
    int64_t columns, inner;
    float alpha;
    int32_t activation;
    /// [columns], or null.
    const float *bias;
    /// Rows as the output's, or null; may be the output itself.
    const void *residual;
    int64_t residual_stride;
    /// 1: the residual is added before the activation.
    int32_t residual_first;
} cpu_reduced_product;

/// What one thread computes of a product: all columns of its own rows, and some columns of rows that it shares with
/// other threads. Both come from one walk over the weight.
typedef struct cpu_share {
    int64_t first_row, last_row;
    int64_t first_shared_row, last_shared_row;
    /// Multiples of the panel width, but for the end.
    int64_t first_shared_column, last_shared_column;
} cpu_share;

/// A product whose rows are those of items, a picture of a batch each, by Strassen's algorithm: an eighth fewer
/// multiplications. Its error is bounded by the largest rows of an item and columns of a panel, not element by element.
/// An item is cut into parts of nearly equal size, the rows of a part into pairs of tiles, the inner axis into slabs.
/// What an element is summed from depends on its item alone, however the work is split.
typedef struct cpu_strassen {
    const cpu_product *product;
    int64_t item_rows, item_parts, part_rows, part_pairs, slab_count;
    /// So many pairs of tiles at most meet the panels in one walk; the caller may choose fewer.
    int64_t pairs_at_a_time;
} cpu_strassen;

/// The kernels of one instruction set.
typedef struct cpu_kernels {
    const char *name;
    /// A weight is packed in panels of this many columns of the product; work is split between panels.
    int64_t panel_width;
    /// Rows are split at multiples of this.
    int64_t row_block;

    /// Bytes that a packed weight [columns, inner] takes.
    size_t (*packed_byte_count)(int64_t columns, int64_t inner);
    /// Packs columns [first, last) of a weight; element k of column n of the product is at `weight + n * column_stride
    /// + k * inner_stride`; `first` is a multiple of the panel width, and so is `last` unless it is the end.
    void (*pack_weight)(void *packed, const float *weight, int64_t column_stride, int64_t inner_stride, int64_t columns,
                        int64_t inner, int64_t first, int64_t last);
    /// Scratch bytes that `multiply` needs.
    size_t (*multiply_scratch_byte_count)(int64_t inner);
    /// Computes one thread's share of a product.
    void (*multiply)(const cpu_product *product, const cpu_share *share, void *scratch);

    /// Plans a product; `slab_count` is 0 where the product is not one for it. Null where no instruction set is wide
    /// enough to gain.
    void (*plan_strassen)(const cpu_product *product, int64_t item_rows, cpu_strassen *plan);
    /// Scratch bytes that `multiply_strassen` needs for so many panels at most.
    size_t (*strassen_scratch_byte_count)(const cpu_strassen *plan, int64_t panels);
    /// Multiplies pairs of tiles [first_pair, last_pair), counted over all items, by panels [first_panel, last_panel).
    void (*multiply_strassen)(const cpu_strassen *plan, int64_t first_pair, int64_t last_pair, int64_t first_panel,
                              int64_t last_panel, void *scratch);

    /// Into how many blocks of channels `multiply_groups` divides convolutions of `channels` in groups of `group` input
    /// and output channels each; 0 where it does not do them.
    int32_t (*group_blocks)(int64_t channels, int64_t group);
    /// Bytes that a weight [channels, taps, group] packed for `multiply_groups` takes, and its packing.
    size_t (*group_packed_byte_count)(int64_t channels, int64_t taps, int64_t group);
    void (*pack_groups)(void *packed, const float *weight, int64_t channels, int64_t taps, int64_t group);
    size_t (*groups_scratch_byte_count)(const cpu_rows *windows, int64_t group);
    /// A grouped convolution: `product->input` are windows of all channels, each group of output channels meets the
    /// same group of input channels. Computes items [first_item, last_item) of the block [block of channels][line] that
    /// begins at line `first_line` of the output (pictures times height) and has `line_count` of them.
    void (*multiply_groups)(const cpu_product *product, int64_t group, int64_t first_line, int64_t line_count,
                            int64_t first_item, int64_t last_item, void *scratch);

    /// The same for bfloat16, from a weight of floats that are rounded: `windows` count in pairs of channels, four
    /// bytes each. The output is bfloat16 or float32; the product's input, inner axis and alpha are not looked at. Null
    /// where no instruction set is wide enough.
    int32_t (*group_pair_blocks)(int64_t channels, int64_t group);
    size_t (*group_pairs_packed_byte_count)(int64_t channels, int64_t taps, int64_t group);
    void (*pack_group_pairs)(void *packed, const float *weight, int64_t channels, int64_t taps, int64_t group);
    void (*multiply_group_pairs)(const cpu_reduced_product *product, const cpu_rows *windows, int64_t group,
                                 int64_t first_line, int64_t line_count, int64_t first_item, int64_t last_item,
                                 void *scratch);

    // Ops of the contract over part of their rows (all axes of the output but the last), on views whose buffer handle
    // is an address; elements are float32, float16 or bfloat16, in any mixture.
    void (*add)(const beasts_add_arguments *, int64_t first_row, int64_t last_row);
    void (*multiply_elements)(const beasts_multiply_arguments *, int64_t first_row, int64_t last_row);
    void (*scale)(const beasts_scale_arguments *, int64_t first_row, int64_t last_row);
    void (*activation)(const beasts_activation_arguments *, int64_t first_row, int64_t last_row);
    /// GELU of rows [first_row, last_row) of `length` floats; the output is float32, which may be the source, float16
    /// or bfloat16. Strides count elements.
    void (*gelu_rows)(const float *source, int64_t source_stride, void *output, int32_t dtype, int64_t output_stride,
                      int64_t length, int64_t first_row, int64_t last_row);
    void (*max_pool2d)(const beasts_max_pool2d_arguments *, int64_t first_row, int64_t last_row);
    void (*layer_norm)(const beasts_layer_norm_arguments *, int64_t first_row, int64_t last_row);
    void (*residual_layer_norm)(const beasts_residual_layer_norm_arguments *, int64_t first_row, int64_t last_row);
    /// Scratch: a row of floats.
    void (*softmax)(const beasts_softmax_arguments *, int64_t first_row, int64_t last_row, void *scratch);
    /// Group norm in three steps. A picture's rows are cut into `group_norm_block_count` blocks, and the blocks of all
    /// pictures numbered one after the other.
    int64_t (*group_norm_block_count)(const beasts_group_norm_arguments *);
    /// Moments [block][group], two doubles each, of blocks [first, last). Scratch: two rows of floats.
    void (*group_moments)(const beasts_group_norm_arguments *, int64_t first_block, int64_t last_block, void *moments,
                          float *scratch);
    /// Coefficients, three rows of floats a picture, of pictures [first, last).
    void (*group_coefficients)(const beasts_group_norm_arguments *, int64_t first_picture, int64_t last_picture,
                               const void *moments, float *coefficients);
    void (*group_apply)(const beasts_group_norm_arguments *, int64_t first_row, int64_t last_row, float *coefficients);
    void (*reduce)(const beasts_reduce_arguments *, int64_t first_row, int64_t last_row);
    void (*arg_reduce)(const beasts_arg_reduce_arguments *, int64_t first_row, int64_t last_row);

    /// softmax(scale * query x key^T) x value, all float32, for queries [first_query, last_query) of one batch and
    /// head.
    void (*attention)(const beasts_attention_arguments *, int64_t batch, int64_t head, int64_t first_query,
                      int64_t last_query, void *scratch);
    size_t (*attention_scratch_byte_count)(int64_t keys, int64_t dimension);

    /// Whether the processor multiplies pairs of bfloat16, and quads of int8, in one instruction.
    int32_t multiplies_pairs;
    /// As `attention`, all bfloat16; in products of pairs where there are more than a few queries.
    void (*attention_pairs)(const beasts_attention_arguments *, int64_t batch, int64_t head, int64_t first_query,
                            int64_t last_query, void *scratch);
    size_t (*attention_pairs_scratch_byte_count)(int64_t keys, int64_t dimension);
    /// One thread's share of a product, all bfloat16 but perhaps the output. The weight is in panels of `panel_width`
    /// columns, `panel_pairs` pairs long each, [pair of the inner axis][column][first, second]; an odd last element has
    /// zero beside it, in the input too.
    void (*multiply_pair_rows)(const cpu_reduced_product *product, int64_t panel_pairs, const cpu_share *share);

    /// Bytes that a weight [columns, inner] takes as int8, in panels as `packed_byte_count`, and its packing.
    size_t (*quads_byte_count)(int64_t columns, int64_t inner);
    void (*pack_quads)(void *packed, const float *weight, int64_t column_stride, int64_t columns, int64_t inner,
                       int64_t first, int64_t last);
    size_t (*quads_scratch_byte_count)(int64_t inner);
    /// The input's rows are rounded to int8. `first_column` is a multiple of the panel width, and so is `last_column`
    /// unless it is the end.
    void (*multiply_quads)(const cpu_reduced_product *product, int64_t first_row, int64_t last_row,
                           int64_t first_column, int64_t last_column, void *scratch);
} cpu_kernels;

/// The best kernels this processor runs, or null where it has none of them (they need AVX2 and FMA). The environment
/// variable ONEDNN_MAX_CPU_ISA (SSE41, AVX, AVX2, AVX512_CORE, ...) bounds the choice, as it bounds oneDNN's own.
const cpu_kernels *cpu_kernels_best(void);

/// output = input in any two layouts and element types, over part of the rows.
void cpu_copy(const beasts_copy_arguments *arguments, int64_t first_row, int64_t last_row);
/// Each element becomes the nearest number of bfloat16.
void cpu_round_to_bfloat16(float *elements, int64_t count);
/// Every element of the rows becomes the value.
void cpu_fill(const beasts_fill_arguments *arguments, int64_t first_row, int64_t last_row);
/// Returns the first row whose index is outside the table, or -1 where all are inside and all was copied.
int64_t cpu_gather_rows(const beasts_gather_rows_arguments *arguments);

#endif
