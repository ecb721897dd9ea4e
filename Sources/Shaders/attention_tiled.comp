#version 450
// SPDX-License-Identifier: MIT
// softmax(scale * query x key^T) x value, a tile of queries to a work group, the softmax carried along from one tile of
// keys to the next (Dao et al. 2022). Invocations own every 8th row and column of scores and output.
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
layout(local_size_x = 64) in;
layout(constant_id = 2) const uint QUERY_TYPE = 1;
layout(constant_id = 3) const uint KEY_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 5) const bool IS_CAUSAL = false;
layout(constant_id = 6) const uint VALUE_TYPE = 1;
/// The head dimension.
layout(constant_id = 10) const uint DEPTH = 64;
layout(push_constant) uniform Parameters {
    uint queries, key_length, heads, first_head;
    uint offset_output, offset_query, offset_key, offset_value;
    /// Batch, head, row, element.
    uint output_stride[4], query_stride[4], key_stride[4], value_stride[4];
    uint query_offset;
    float scale;
}
p;
OUTPUT(0, output, OUTPUT_TYPE)
INPUT(1, query, QUERY_TYPE)
INPUT(2, key, KEY_TYPE)
INPUT(3, value, VALUE_TYPE)

const uint GROUP = 64, QUERIES = 32, KEYS = 32, LINE = DEPTH + 1, SCORES = KEYS + 1;
const uint OWN_COLUMNS = (DEPTH + 7) / 8;
shared float query_tile[QUERIES * LINE];
/// First the keys, then their values.
shared float key_tile[KEYS * LINE];
shared float scores[QUERIES * SCORES];
shared float halves[GROUP];
shared float corrections[QUERIES];
shared float totals[QUERIES];

/// Below every score that is a number, and still a number.
const float LOWEST = -3.0e38;

void main() {
    uint number = gl_WorkGroupID.y + p.first_head, self = gl_LocalInvocationID.x;
    uint batch = number / p.heads, head = number % p.heads, first_query = gl_WorkGroupID.x * QUERIES;
    uint output_start = p.offset_output + batch * p.output_stride[0] + head * p.output_stride[1];
    uint query_start = p.offset_query + batch * p.query_stride[0] + head * p.query_stride[1];
    uint key_start = p.offset_key + batch * p.key_stride[0] + head * p.key_stride[1];
    uint value_start = p.offset_value + batch * p.value_stride[0] + head * p.value_stride[1];
    for (uint i = self; i < QUERIES * DEPTH; i += GROUP) {
        uint row = i / DEPTH, column = i % DEPTH;
        query_tile[row * LINE + column] =
            first_query + row < p.queries ? p.scale * load_query(query_start + (first_query + row) * p.query_stride[2] +
                                                                 column * p.query_stride[3])
                                          : 0.0;
    }
    uint tile_row = self / 8, tile_column = self % 8;
    // For the softmax two invocations share a row, half the keys each.
    uint row = self % QUERIES, first_key_of_half = self / QUERIES * (KEYS / 2);
    float largest = LOWEST, total = 0.0;
    float sums[4 * OWN_COLUMNS];
    for (uint i = 0; i < 4 * OWN_COLUMNS; i++)
        sums[i] = 0.0;
    uint end = IS_CAUSAL ? min(p.key_length, first_query + QUERIES + p.query_offset) : p.key_length;
    for (uint first_key = 0; first_key < end; first_key += KEYS) {
        barrier();
        for (uint i = self; i < KEYS * DEPTH; i += GROUP) {
            uint line = i / DEPTH, column = i % DEPTH;
            key_tile[line * LINE + column] =
                first_key + line < end
                    ? load_key(key_start + (first_key + line) * p.key_stride[2] + column * p.key_stride[3])
                    : 0.0;
        }
        barrier();
        float products[16];
        for (uint i = 0; i < 16; i++)
            products[i] = 0.0;
        for (uint d = 0; d < DEPTH; d++)
            for (uint i = 0; i < 4; i++) {
                float left = query_tile[(tile_row + 8 * i) * LINE + d];
                for (uint j = 0; j < 4; j++)
                    products[i * 4 + j] = fma(left, key_tile[(tile_column + 8 * j) * LINE + d], products[i * 4 + j]);
            }
        for (uint i = 0; i < 16; i++)
            scores[(tile_row + 8 * (i / 4)) * SCORES + tile_column + 8 * (i % 4)] = products[i];
        barrier();
        uint seen = IS_CAUSAL ? min(p.key_length, first_query + row + p.query_offset + 1) : p.key_length;
        float found = LOWEST;
        for (uint i = 0; i < KEYS / 2; i++) {
            float score = scores[row * SCORES + first_key_of_half + i];
            if (first_key + first_key_of_half + i < seen && score > found)
                found = score;
        }
        halves[self] = found;
        barrier();
        float before = largest;
        largest = max(largest, max(halves[row], halves[row + QUERIES]));
        barrier();
        float sum = 0.0;
        for (uint i = 0; i < KEYS / 2; i++) {
            uint place = row * SCORES + first_key_of_half + i;
            float weight = first_key + first_key_of_half + i < seen ? exp(scores[place] - largest) : 0.0;
            scores[place] = weight;
            sum += weight;
        }
        halves[self] = sum;
        for (uint i = self; i < KEYS * DEPTH; i += GROUP) {
            uint line = i / DEPTH, column = i % DEPTH;
            key_tile[line * LINE + column] =
                first_key + line < end
                    ? load_value(value_start + (first_key + line) * p.value_stride[2] + column * p.value_stride[3])
                    : 0.0;
        }
        barrier();
        float correction = exp(before - largest);
        total = total * correction + halves[row] + halves[row + QUERIES];
        if (self < QUERIES)
            corrections[row] = correction;
        barrier();
        for (uint i = 0; i < 4; i++) {
            float factor = corrections[tile_row + 8 * i];
            for (uint j = 0; j < OWN_COLUMNS; j++)
                sums[i * OWN_COLUMNS + j] *= factor;
        }
        for (uint k = 0; k < KEYS; k++)
            for (uint i = 0; i < 4; i++) {
                float weight = scores[(tile_row + 8 * i) * SCORES + k];
                // A value that is not seen may be anything, even no number.
                if (IS_CAUSAL && weight == 0.0)
                    continue;
                for (uint j = 0; j < OWN_COLUMNS; j++)
                    if (DEPTH % 8 == 0 || tile_column + 8 * j < DEPTH)
                        sums[i * OWN_COLUMNS + j] =
                            fma(weight, key_tile[k * LINE + tile_column + 8 * j], sums[i * OWN_COLUMNS + j]);
            }
    }
    if (self < QUERIES)
        totals[row] = total;
    barrier();
    for (uint i = 0; i < 4; i++) {
        uint line = tile_row + 8 * i;
        for (uint j = 0; j < OWN_COLUMNS; j++) {
            uint column = tile_column + 8 * j;
            if (first_query + line < p.queries && column < DEPTH)
                store_output(output_start + (first_query + line) * p.output_stride[2] + column * p.output_stride[3],
                             totals[line] == 0.0 ? 0.0 : sums[i * OWN_COLUMNS + j] / totals[line]);
        }
    }
}
