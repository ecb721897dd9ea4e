#version 450
// SPDX-License-Identifier: MIT
// A convolution as a product in tiles: a row is a position, the inner axis runs over taps and channels.
#extension GL_GOOGLE_include_directive : require
#include "convolution.glsl"
#include "tile.glsl"

void main() {
    uint first_row = gl_WorkGroupID.y * TILE_ROWS + p.first_row, first_column = gl_WorkGroupID.x * TILE_COLUMNS;
    uint inner_count = KERNEL_TIME == 1 ? KERNEL_HEIGHT * p.right_line : KERNEL_TIME * p.right_frame;
    for (uint i = 0; i < ROWS * COLUMNS; i++)
        sums[i] = 0.0;
    for (uint k = 0; k < inner_count; k += TILE_INNER) {
        for (uint index = gl_LocalInvocationID.x; index < TILE_ROWS * TILE_INNER; index += GROUP) {
            uint row = index / TILE_INNER, inner = index % TILE_INNER;
            uint t = KERNEL_TIME == 1 ? 0 : (k + inner) / p.right_frame, rest = k + inner - t * p.right_frame;
            uint y = rest / p.right_line, run = rest % p.right_line;
            uint x = run / p.right_tap, channel = run % p.right_tap;
            bool is_there = false;
            uint source = 0;
            if (first_row + row < p.rows && k + inner < inner_count && x < KERNEL_WIDTH && channel < p.group_channels)
                source = source_of(position_of(first_row + row), uvec3(t, y, x), is_there);
            left_tile[inner * (TILE_ROWS + 1) + row] = is_there ? load_left(source + channel) : 0.0;
        }
        for (uint index = gl_LocalInvocationID.x; index < TILE_COLUMNS * TILE_INNER; index += GROUP) {
            uint column = index / TILE_INNER, inner = index % TILE_INNER;
            bool is_there = first_column + column < p.columns && k + inner < inner_count;
            right_tile[inner * (TILE_COLUMNS + 1) + column] =
                is_there ? load_right(p.offset_right + (first_column + column) * p.right_row + k + inner) : 0.0;
        }
        barrier();
        multiply_tiles();
        barrier();
    }
    uvec2 place = place();
    for (uint i = 0; i < ROWS; i++)
        for (uint j = 0; j < COLUMNS; j++) {
            uint row = first_row + place.x + i * (TILE_ROWS / ROWS);
            uint column = first_column + place.y + j * (TILE_COLUMNS / COLUMNS);
            if (row < p.rows && column < p.columns)
                finish_position(sums[i * COLUMNS + j], position_of(row), column);
        }
}
