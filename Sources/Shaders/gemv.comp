#version 450
// SPDX-License-Identifier: MIT
// A product of few rows, as when a model writes token by token: its time is that of reading the right factor once. A
// work group has four columns of all rows, its invocations share the inner axis.
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 128;
layout(constant_id = 10) const uint ROWS = 1;
#include "gemm.glsl"

shared vec4 partial[GROUP];

void main() {
    uint self = gl_LocalInvocationID.x, column = gl_WorkGroupID.x * 4;
    uvec4 start = batch_start(gl_WorkGroupID.z + p.first_batch);
    // What lies beyond the edge is computed from the last column, and not stored.
    uvec4 right = start.y + min(uvec4(column, column + 1, column + 2, column + 3), p.columns - 1) * p.right_column;
    vec4 sums[ROWS];
    for (uint i = 0; i < ROWS; i++)
        sums[i] = vec4(0);
    for (uint k = self; k < p.inner; k += GROUP) {
        uvec4 place = right + k * p.right_inner;
        vec4 factors = vec4(load_right(place.x), load_right(place.y), load_right(place.z), load_right(place.w));
        for (uint i = 0; i < ROWS; i++)
            sums[i] = fma(vec4(load_left(start.x + i * p.left_row + k * p.left_inner)), factors, sums[i]);
    }
    for (uint i = 0; i < ROWS; i++) {
        barrier();
        partial[self] = sums[i];
        for (uint half_count = GROUP / 2; half_count > 0; half_count /= 2) {
            barrier();
            if (self < half_count)
                partial[self] += partial[self + half_count];
        }
        barrier();
        if (self < 4 && column + self < p.columns)
            finish_element(partial[0][self], i, column + self, start);
    }
}
