#version 450
// SPDX-License-Identifier: MIT
// A product without shared memory, for processors that play GPU: there a barrier is dear and a cache is near. The left
// elements are the same for the whole work group, each invocation keeps 4 columns of ROWS rows.
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 8;
layout(constant_id = 10) const uint ROWS = 24;
#include "gemm.glsl"

void main() {
    uint column = (gl_WorkGroupID.x * GROUP + gl_LocalInvocationID.x) * 4, row = gl_WorkGroupID.y * ROWS;
    uvec4 start = batch_start(gl_WorkGroupID.z + p.first_batch);
    // What lies beyond the edge is computed from the last row and column, and not stored.
    uvec4 right = start.y + min(uvec4(column, column + 1, column + 2, column + 3), p.columns - 1) * p.right_column;
    uint left[ROWS];
    vec4 sums[ROWS];
    for (uint i = 0; i < ROWS; i++) {
        left[i] = start.x + min(row + i, p.rows - 1) * p.left_row;
        sums[i] = vec4(0);
    }
    uint k = 0;
    for (; k + 4 <= p.inner; k += 4) {
        vec4 factors[4];
        for (uint j = 0; j < 4; j++) {
            factors[j] = vec4(load_right(right.x), load_right(right.y), load_right(right.z), load_right(right.w));
            right += p.right_inner;
        }
        for (uint i = 0; i < ROWS; i++) {
            uint index = left[i] + k * p.left_inner;
            for (uint j = 0; j < 4; j++)
                sums[i] = fma(vec4(load_left(index + j * p.left_inner)), factors[j], sums[i]);
        }
    }
    for (; k < p.inner; k++) {
        vec4 factor = vec4(load_right(right.x), load_right(right.y), load_right(right.z), load_right(right.w));
        right += p.right_inner;
        for (uint i = 0; i < ROWS; i++)
            sums[i] = fma(vec4(load_left(left[i] + k * p.left_inner)), factor, sums[i]);
    }
    for (uint i = 0; i < ROWS; i++)
        for (uint j = 0; j < 4; j++)
            if (row + i < p.rows && column + j < p.columns)
                finish_element(sums[i][j], row + i, column + j, start);
}
