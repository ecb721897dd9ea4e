#version 450
// SPDX-License-Identifier: MIT
#extension GL_GOOGLE_include_directive : require
#include "gemm.glsl"
#include "tile.glsl"

void main() {
    uint first_row = gl_WorkGroupID.y * TILE_ROWS, first_column = gl_WorkGroupID.x * TILE_COLUMNS;
    uvec4 start = batch_start(gl_WorkGroupID.z + p.first_batch);
    for (uint i = 0; i < ROWS * COLUMNS; i++)
        sums[i] = 0.0;
    for (uint k = 0; k < p.inner; k += TILE_INNER) {
        for (uint index = gl_LocalInvocationID.x; index < TILE_ROWS * TILE_INNER; index += GROUP) {
            uint row = LEFT_IS_INNER ? index / TILE_INNER : index % TILE_ROWS;
            uint inner = LEFT_IS_INNER ? index % TILE_INNER : index / TILE_ROWS;
            bool is_there = first_row + row < p.rows && k + inner < p.inner;
            left_tile[inner * (TILE_ROWS + 1) + row] =
                is_there ? load_left(start.x + (first_row + row) * p.left_row + (k + inner) * p.left_inner) : 0.0;
        }
        for (uint index = gl_LocalInvocationID.x; index < TILE_COLUMNS * TILE_INNER; index += GROUP) {
            uint column = RIGHT_IS_INNER ? index / TILE_INNER : index % TILE_COLUMNS;
            uint inner = RIGHT_IS_INNER ? index % TILE_INNER : index / TILE_COLUMNS;
            bool is_there = first_column + column < p.columns && k + inner < p.inner;
            right_tile[inner * (TILE_COLUMNS + 1) + column] =
                is_there ? load_right(start.y + (k + inner) * p.right_inner + (first_column + column) * p.right_column)
                         : 0.0;
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
                finish_element(sums[i * COLUMNS + j], row, column, start);
        }
}
