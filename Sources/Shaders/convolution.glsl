// SPDX-License-Identifier: MIT
// output [B, H', W', N] = epilogue(convolution of left [B, H, W, C]) with right [N, kernel height, kernel width, C /
// g].
layout(push_constant) uniform Parameters {
    /// Positions of the output; channels of the output.
    uint rows, columns;
    /// Channels of a group: of the output, of the input.
    uint group_columns, group_channels;
    uint height, width, output_height, output_width;
    uint offset_left, offset_right, offset_output, offset_bias, offset_residual;
    uint left_stride[3], output_stride[3], residual_stride[3];
    float alpha;
    uint first_row;
    /// Elements from row to row of the right factor, and from line to line of a kernel: zeros may lie between.
    uint right_row, right_line;
}
p;

layout(constant_id = 20) const uint KERNEL_HEIGHT = 3;
layout(constant_id = 21) const uint KERNEL_WIDTH = 3;
layout(constant_id = 22) const uint STRIDE_Y = 1;
layout(constant_id = 23) const uint STRIDE_X = 1;
layout(constant_id = 24) const uint PADDING_TOP = 0;
layout(constant_id = 25) const uint PADDING_LEFT = 0;

#include "epilogue.glsl"

/// Batch, line and column of a position of the output.
uvec3 position_of(uint row) {
    uint line = row / p.output_width;
    return uvec3(line / p.output_height, line % p.output_height, row % p.output_width);
}

/// Where the element of a kernel's tap is read from, and whether there is one.
uint source_of(uvec3 position, uint kernel_y, uint kernel_x, out bool is_there) {
    uint y = position.y * STRIDE_Y + kernel_y - PADDING_TOP, x = position.z * STRIDE_X + kernel_x - PADDING_LEFT;
    // Before the first, a number wraps and is large.
    is_there = y < p.height && x < p.width;
    return is_there ? p.offset_left + position.x * p.left_stride[0] + y * p.left_stride[1] + x * p.left_stride[2]
                    : p.offset_left;
}

void finish_position(float value, uvec3 position, uint column) {
    finish(value, column,
           p.offset_output + position.x * p.output_stride[0] + position.y * p.output_stride[1] +
               position.z * p.output_stride[2] + column,
           p.offset_residual + position.x * p.residual_stride[0] + position.y * p.residual_stride[1] +
               position.z * p.residual_stride[2] + column);
}
