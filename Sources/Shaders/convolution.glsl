// SPDX-License-Identifier: MIT
// output [B, T', H', W', N] = epilogue(convolution of left [B, T, H, W, C] with right [N, kernel time, height, width, C
// / g]). Pictures are clips of one frame.
layout(push_constant) uniform Parameters {
    /// Positions of the output; channels of the output.
    uint rows, columns;
    /// Channels of a group: of the output, of the input.
    uint group_columns, group_channels;
    /// Frames, lines and columns.
    uint extent[3], output_extent[3];
    uint offset_left, offset_right, offset_output, offset_bias, offset_residual;
    /// From clip to clip, frame to frame, line to line, column to column.
    uint left_stride[4], output_stride[4], residual_stride[4];
    uint first_row;
    /// Elements of the right factor from row to row, and of a kernel from frame to frame, line to line and tap to tap:
    /// zeros may lie between.
    uint right_row, right_frame, right_line, right_tap;
}
p;

layout(constant_id = 20) const uint KERNEL_HEIGHT = 3;
layout(constant_id = 21) const uint KERNEL_WIDTH = 3;
layout(constant_id = 22) const uint STRIDE_Y = 1;
layout(constant_id = 23) const uint STRIDE_X = 1;
layout(constant_id = 24) const uint PADDING_TOP = 0;
layout(constant_id = 25) const uint PADDING_LEFT = 0;
layout(constant_id = 26) const uint KERNEL_TIME = 1;
layout(constant_id = 27) const uint STRIDE_TIME = 1;
layout(constant_id = 28) const uint PADDING_FRONT = 0;
/// Whether the edges go on for ever, rather than zeros.
layout(constant_id = 29) const bool REPEATS_EDGES = false;

// All of the push constants are in use.
#define ALPHA 1.0
#include "epilogue.glsl"

/// Clip, frame, line and column of a position of the output.
uvec4 position_of(uint row) {
    uint line = row / p.output_extent[2], frame = line / p.output_extent[1];
    uint clip = KERNEL_TIME == 1 && p.output_extent[0] == 1 ? frame : frame / p.output_extent[0];
    return uvec4(clip, frame - clip * p.output_extent[0], line % p.output_extent[1], row % p.output_extent[2]);
}

/// Where the element of a kernel's tap (frame, line, column) is read from, and whether there is one.
uint source_of(uvec4 position, uvec3 tap, out bool is_there) {
    uvec3 extent = uvec3(p.extent[0], p.extent[1], p.extent[2]);
    // Before the first, a number wraps and is large.
    uvec3 place =
        position.yzw * uvec3(STRIDE_TIME, STRIDE_Y, STRIDE_X) + tap - uvec3(PADDING_FRONT, PADDING_TOP, PADDING_LEFT);
    if (REPEATS_EDGES)
        place = uvec3(clamp(ivec3(place), ivec3(0), ivec3(extent) - 1));
    is_there = all(lessThan(place, extent));
    return is_there ? p.offset_left + position.x * p.left_stride[0] + place.x * p.left_stride[1] +
                          place.y * p.left_stride[2] + place.z * p.left_stride[3]
                    : p.offset_left;
}

/// Where the first channel of a position is stored, and where its residual is.
uvec2 target_of(uvec4 position) {
    return uvec2(p.offset_output + position.x * p.output_stride[0] + position.y * p.output_stride[1] +
                     position.z * p.output_stride[2] + position.w * p.output_stride[3],
                 p.offset_residual + position.x * p.residual_stride[0] + position.y * p.residual_stride[1] +
                     position.z * p.residual_stride[2] + position.w * p.residual_stride[3]);
}

void finish_position(float value, uvec4 position, uint column) {
    uvec2 target = target_of(position);
    finish(value, column, target.x + column, target.y + column);
}
