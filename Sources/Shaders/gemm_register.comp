#version 450
// SPDX-License-Identifier: MIT
// A product without shared memory, for processors that play GPU: there a barrier is dear and a cache is near. A work
// group is one subgroup. Its lanes fetch four left elements of a row each and lend them to all; each keeps ROWS rows of
// four columns, or twice four.
#extension GL_GOOGLE_include_directive : require
#define USES_TEXELS
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 8;
layout(constant_id = 10) const uint ROWS = 16;
/// Times four columns.
layout(constant_id = 11) const uint COLUMNS = 2;
/// Whether the inner axis is a multiple of four.
layout(constant_id = 12) const bool IS_WHOLE = true;
/// Elements are fetched one by one, ...
const uint ONE = 0;
/// ... four along the inner axis, ...
const uint FOUR_INNER = 1;
/// ... or four columns.
const uint FOUR_COLUMNS = 2;
layout(constant_id = 15) const uint LEFT_STEP = FOUR_INNER;
layout(constant_id = 16) const uint RIGHT_STEP = FOUR_INNER;
#include "gemm.glsl"

const uint FETCHES = (ROWS + GROUP - 1) / GROUP;

/// Zeros for what lies behind the end of the inner axis.
vec4 inside(vec4 elements, uint k) {
    return IS_WHOLE ? elements : mix(vec4(0), elements, lessThan(uvec4(k, k + 1, k + 2, k + 3), uvec4(p.inner)));
}

/// Four elements along the inner axis from k on, of the row that begins at `start`.
vec4 left_of(uint start, uint k) {
    if (LEFT_STEP == FOUR_INNER)
        return inside(load4_left((start + k) / 4), k);
    uvec4 places = start + min(uvec4(k, k + 1, k + 2, k + 3), p.inner - 1) * p.left_inner;
    return inside(vec4(load_left(places.x), load_left(places.y), load_left(places.z), load_left(places.w)), k);
}

/// The same of the column that begins at `start`.
vec4 right_of(uint start, uint k) {
    if (RIGHT_STEP == FOUR_INNER)
        return inside(load4_right((start + k) / 4), k);
    uvec4 places = start + min(uvec4(k, k + 1, k + 2, k + 3), p.inner - 1) * p.right_inner;
    return inside(vec4(load_right(places.x), load_right(places.y), load_right(places.z), load_right(places.w)), k);
}

void main() {
    uint lane = gl_SubgroupInvocationID, first_row = gl_WorkGroupID.y * ROWS;
    uvec4 start = batch_start(gl_WorkGroupID.z + p.first_batch);
    // What lies beyond the edge is computed from the last row and column, and not stored.
    uint left[FETCHES], column[COLUMNS], right[COLUMNS * 4];
    [[unroll]] for (uint f = 0; f < FETCHES; f++) left[f] =
        start.x + min(first_row + f * GROUP + lane, p.rows - 1) * p.left_row;
    [[unroll]] for (uint q = 0; q < COLUMNS; q++) {
        column[q] = ((gl_WorkGroupID.x * COLUMNS + q) * GROUP + lane) * 4;
        [[unroll]] for (uint j = 0; j < 4; j++) right[q * 4 + j] =
            start.y + min(column[q] + j, p.columns - 1) * p.right_column;
    }
    vec4 sums[ROWS * COLUMNS];
    [[unroll]] for (uint i = 0; i < ROWS * COLUMNS; i++) sums[i] = vec4(0);
    for (uint k = 0; k < p.inner; k += 4) {
        vec4 rows[FETCHES];
        [[unroll]] for (uint f = 0; f < FETCHES; f++) rows[f] = left_of(left[f], k);
        // One of the inner axis, four columns.
        vec4 factors[4 * COLUMNS];
        [[unroll]] for (uint q = 0; q < COLUMNS; q++) if (RIGHT_STEP == FOUR_COLUMNS) {
            [[unroll]] for (uint c = 0; c < 4; c++) {
                uint line = IS_WHOLE ? k + c : min(k + c, p.inner - 1);
                vec4 four = load4_right((right[q * 4] + line * p.right_inner) / 4);
                factors[q * 4 + c] = IS_WHOLE || k + c < p.inner ? four : vec4(0);
            }
        }
        else {
            mat4 fours = transpose(mat4(right_of(right[q * 4], k), right_of(right[q * 4 + 1], k),
                                        right_of(right[q * 4 + 2], k), right_of(right[q * 4 + 3], k)));
            [[unroll]] for (uint c = 0; c < 4; c++) factors[q * 4 + c] = fours[c];
        }
        [[unroll]] for (uint i = 0; i < ROWS; i++) {
            vec4 row = rows[i / GROUP];
            vec4 a = vec4(subgroupShuffle(row.x, i % GROUP)), b = vec4(subgroupShuffle(row.y, i % GROUP));
            vec4 c = vec4(subgroupShuffle(row.z, i % GROUP)), d = vec4(subgroupShuffle(row.w, i % GROUP));
            [[unroll]] for (uint q = 0; q < COLUMNS; q++) {
                vec4 sum = fma(a, factors[q * 4], sums[i * COLUMNS + q]);
                sum = fma(b, factors[q * 4 + 1], sum);
                sum = fma(c, factors[q * 4 + 2], sum);
                sums[i * COLUMNS + q] = fma(d, factors[q * 4 + 3], sum);
            }
        }
    }
    [[unroll]] for (uint q = 0; q < COLUMNS; q++) {
        vec4 bias = bias_of(column[q]);
        [[unroll]] for (uint i = 0; i < ROWS; i++) if (first_row + i < p.rows)
            finish4(sums[i * COLUMNS + q], bias, column[q],
                    start.z + (first_row + i) * p.output_row + column[q] * p.output_column,
                    start.w + (first_row + i) * p.residual_row + column[q]);
    }
}
