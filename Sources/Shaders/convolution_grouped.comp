#version 450
// SPDX-License-Identifier: MIT
// A convolution in groups of channels, too few each for tiles: each invocation keeps COLUMNS channels of one group, of
// ROWS positions.
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 8;
layout(constant_id = 10) const uint ROWS = 8;
layout(constant_id = 11) const uint COLUMNS = 4;
/// Whether channels are read by four: everything that they are counted by is a multiple of four.
layout(constant_id = 12) const bool BY_FOUR = false;
#include "convolution.glsl"
INPUT4(0, left, LEFT_TYPE)
INPUT4(1, right, RIGHT_TYPE)

void main() {
    uint column = (gl_WorkGroupID.x * GROUP + gl_LocalInvocationID.x) * COLUMNS;
    uint row = gl_WorkGroupID.y * ROWS + p.first_row;
    uint channel = min(column, p.columns - 1) / p.group_columns * p.group_channels;
    uint right[COLUMNS];
    for (uint j = 0; j < COLUMNS; j++)
        right[j] = p.offset_right + min(column + j, p.columns - 1) * p.right_row;
    float sums[ROWS * COLUMNS];
    for (uint i = 0; i < ROWS * COLUMNS; i++)
        sums[i] = 0.0;
    for (uint y = 0; y < KERNEL_HEIGHT; y++)
        for (uint x = 0; x < KERNEL_WIDTH; x++) {
            uint sources[ROWS];
            bool are_there[ROWS];
            for (uint i = 0; i < ROWS; i++)
                sources[i] = source_of(position_of(min(row + i, p.rows - 1)), uvec3(0, y, x), are_there[i]) + channel;
            for (uint c = 0; BY_FOUR && c < p.group_channels; c += 4) {
                vec4 factors[COLUMNS];
                for (uint j = 0; j < COLUMNS; j++)
                    factors[j] = load4_right((right[j] + y * p.right_line + x * p.right_tap + c) / 4);
                for (uint i = 0; i < ROWS; i++) {
                    vec4 pixel = are_there[i] ? load4_left((sources[i] + c) / 4) : vec4(0);
                    for (uint j = 0; j < COLUMNS; j++) {
                        float sum = fma(pixel.x, factors[j].x, sums[i * COLUMNS + j]);
                        sum = fma(pixel.y, factors[j].y, sum);
                        sum = fma(pixel.z, factors[j].z, sum);
                        sums[i * COLUMNS + j] = fma(pixel.w, factors[j].w, sum);
                    }
                }
            }
            for (uint c = 0; !BY_FOUR && c < p.group_channels; c++) {
                float factors[COLUMNS];
                for (uint j = 0; j < COLUMNS; j++)
                    factors[j] = load_right(right[j] + y * p.right_line + x * p.right_tap + c);
                for (uint i = 0; i < ROWS; i++) {
                    float pixel = are_there[i] ? load_left(sources[i] + c) : 0.0;
                    for (uint j = 0; j < COLUMNS; j++)
                        sums[i * COLUMNS + j] = fma(pixel, factors[j], sums[i * COLUMNS + j]);
                }
            }
        }
    for (uint i = 0; i < ROWS; i++)
        for (uint j = 0; j < COLUMNS; j++)
            if (row + i < p.rows && column + j < p.columns)
                finish_position(sums[i * COLUMNS + j], position_of(row + i), column + j);
}
