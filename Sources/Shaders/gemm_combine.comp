#version 450
// SPDX-License-Identifier: MIT
// The last step of a product whose inner axis was divided among work groups: left [parts, M, N] are its parts, `inner`
// how many. An invocation for each element.
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
#include "gemm.glsl"

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.rows * p.columns)
        return;
    uint row = index / p.columns, column = index % p.columns;
    float sum = 0.0;
    for (uint part = 0; part < p.inner; part++)
        sum += load_left(p.offset_left + part * p.left_inner + row * p.left_row + column);
    finish_element(sum, row, column, batch_start(0));
}
