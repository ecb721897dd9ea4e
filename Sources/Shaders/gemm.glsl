// SPDX-License-Identifier: MIT
// output [batch, M, N] = epilogue(alpha * left [batch, M, K] x right [batch, K, N]), every stride free. A linear layer
// is the product with its weight [N, K] seen as [K, N]; its rows that no single stride reaches are batches.
layout(push_constant) uniform Parameters {
    uint rows, columns, inner;
    uint offset_left, offset_right, offset_output, offset_bias, offset_residual;
    uint left_row, left_inner, right_inner, right_column, output_row, output_column, residual_row;
    /// Batches are counted by two axes; this is the second's extent.
    uint batch_extent, first_batch;
    uint left_batch[2], right_batch[2], output_batch[2], residual_batch[2];
    float alpha;
}
p;

#define COLUMN_STEP p.output_column
#include "epilogue.glsl"

/// Where a batch begins, in elements of left, right, output, residual.
uvec4 batch_start(uint batch) {
    uint outer = batch / p.batch_extent, inner = batch % p.batch_extent;
    return uvec4(p.offset_left + outer * p.left_batch[0] + inner * p.left_batch[1],
                 p.offset_right + outer * p.right_batch[0] + inner * p.right_batch[1],
                 p.offset_output + outer * p.output_batch[0] + inner * p.output_batch[1],
                 p.offset_residual + outer * p.residual_batch[0] + inner * p.residual_batch[1]);
}

void finish_element(float value, uint row, uint column, uvec4 start) {
    finish(value, column, start.z + row * p.output_row + column * p.output_column,
           start.w + row * p.residual_row + column);
}
