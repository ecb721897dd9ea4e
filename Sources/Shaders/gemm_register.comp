#version 450
// SPDX-License-Identifier: MIT
// A product without shared memory, for processors that play GPU: there a barrier is dear and a cache is near. The left
// elements are the same for the whole work group, each invocation keeps 4 columns of ROWS rows, at most 24.
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 8;
layout(constant_id = 10) const uint ROWS = 24;
/// Whether four elements along the inner axis are neighbours, at places that four divides, in both factors.
layout(constant_id = 11) const bool IS_VECTOR = false;
#include "gemm.glsl"
#include "rows_of_four.glsl"

layout(set = 0, binding = 0) readonly buffer LeftVectors {
    vec4 left_vectors[];
};
layout(set = 0, binding = 1) readonly buffer RightVectors {
    vec4 right_vectors[];
};

/// Four elements along the inner axis.
vec4 load_left_four(uint index) {
    if (IS_VECTOR && LEFT_TYPE == FLOAT32)
        return left_vectors[index / 4];
    uint step = p.left_inner;
    return vec4(load_left(index), load_left(index + step), load_left(index + 2 * step), load_left(index + 3 * step));
}

vec4 load_right_four(uint index) {
    if (IS_VECTOR && RIGHT_TYPE == FLOAT32)
        return right_vectors[index / 4];
    uint step = p.right_inner;
    return vec4(load_right(index), load_right(index + step), load_right(index + 2 * step),
                load_right(index + 3 * step));
}

void finish_four(vec4 sum, uint row, uint column, uvec4 start) {
    if (row >= p.rows || column >= p.columns)
        return;
    finish_element(sum.x, row, column, start);
    if (column + 1 < p.columns)
        finish_element(sum.y, row, column + 1, start);
    if (column + 2 < p.columns)
        finish_element(sum.z, row, column + 2, start);
    if (column + 3 < p.columns)
        finish_element(sum.w, row, column + 3, start);
}

#define DECLARE(i)                                                                                                     \
    vec4 sum##i = vec4(0);                                                                                             \
    uint left##i = start.x + min(row + i, p.rows - 1) * p.left_row;
#define MULTIPLY_FOUR(i)                                                                                               \
    if (ROWS > i) {                                                                                                    \
        vec4 l = load_left_four(left##i + at);                                                                         \
        sum##i += l.x * first + l.y * second + l.z * third + l.w * fourth;                                             \
    }
#define MULTIPLY(i)                                                                                                    \
    if (ROWS > i)                                                                                                      \
        sum##i += load_left(left##i + at) * first;
#define FINISH(i)                                                                                                      \
    if (ROWS > i)                                                                                                      \
        finish_four(sum##i, row + i, column, start);

void main() {
    uint column = (gl_WorkGroupID.x * GROUP + gl_LocalInvocationID.x) * 4, row = gl_WorkGroupID.y * ROWS;
    uvec4 start = batch_start(gl_WorkGroupID.z + p.first_batch);
    // What lies beyond the edge is computed from the last row and column, and not stored.
    uvec4 right = start.y + min(uvec4(column, column + 1, column + 2, column + 3), p.columns - 1) * p.right_column;
    EACH_ROW(DECLARE)
    uint k = 0;
    for (; k + 4 <= p.inner; k += 4) {
        mat4 rows = mat4(load_right_four(right.x), load_right_four(right.y), load_right_four(right.z),
                         load_right_four(right.w));
        right += 4 * p.right_inner;
        vec4 first = vec4(rows[0].x, rows[1].x, rows[2].x, rows[3].x);
        vec4 second = vec4(rows[0].y, rows[1].y, rows[2].y, rows[3].y);
        vec4 third = vec4(rows[0].z, rows[1].z, rows[2].z, rows[3].z);
        vec4 fourth = vec4(rows[0].w, rows[1].w, rows[2].w, rows[3].w);
        uint at = k * p.left_inner;
        EACH_ROW(MULTIPLY_FOUR)
    }
    for (; k < p.inner; k++) {
        vec4 first = vec4(load_right(right.x), load_right(right.y), load_right(right.z), load_right(right.w));
        right += p.right_inner;
        uint at = k * p.left_inner;
        EACH_ROW(MULTIPLY)
    }
    EACH_ROW(FINISH)
}
