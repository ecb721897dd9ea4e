#version 450
// SPDX-License-Identifier: MIT
// softmax(scale * query x key^T) x value for few queries and many keys, as when a model writes token by token: a work
// group has one query and CHUNK of its keys. What it finds, attention_combine.comp puts together.
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "rows.glsl"
layout(constant_id = 2) const uint QUERY_TYPE = 1;
layout(constant_id = 3) const uint KEY_TYPE = 1;
layout(constant_id = 5) const bool IS_CAUSAL = false;
layout(constant_id = 6) const uint VALUE_TYPE = 1;
/// The head dimension.
layout(constant_id = 10) const uint DEPTH = 64;
layout(constant_id = 11) const uint CHUNK = 256;
layout(push_constant) uniform Parameters {
    uint queries, key_length, heads, first, offset_query, offset_key, offset_value, query_offset;
    /// Batch, head, row, element.
    uint query_stride[4], key_stride[4], value_stride[4];
    float scale;
}
p;
/// For each query and chunk: the largest score, the sum of weights, the weighted sum of values.
layout(set = 0, binding = 0) writeonly buffer Found {
    float found[];
};
INPUT(1, query, QUERY_TYPE)
INPUT(2, key, KEY_TYPE)
INPUT(3, value, VALUE_TYPE)
shared float own_query[DEPTH];
shared float weights[CHUNK];

/// Below every score that is a number, and still a number.
const float LOWEST = -3.0e38;

void main() {
    uint number = gl_WorkGroupID.y + p.first, self = gl_LocalInvocationID.x;
    uint row = number % p.queries, head = number / p.queries % p.heads, batch = number / p.queries / p.heads;
    uint query_start = p.offset_query + batch * p.query_stride[0] + head * p.query_stride[1] + row * p.query_stride[2];
    uint first_key = gl_WorkGroupID.x * CHUNK;
    uint key_start = p.offset_key + batch * p.key_stride[0] + head * p.key_stride[1] + first_key * p.key_stride[2];
    uint value_start =
        p.offset_value + batch * p.value_stride[0] + head * p.value_stride[1] + first_key * p.value_stride[2];
    uint seen = IS_CAUSAL ? min(p.key_length, row + p.query_offset + 1) : p.key_length;
    uint count = seen > first_key ? min(CHUNK, seen - first_key) : 0;
    for (uint d = self; d < DEPTH; d += GROUP)
        own_query[d] = p.scale * load_query(query_start + d * p.query_stride[3]);
    barrier();
    float largest = LOWEST;
    for (uint i = self; i < count; i += GROUP) {
        float score = 0.0;
        for (uint d = 0; d < DEPTH; d++)
            score = fma(own_query[d], load_key(key_start + i * p.key_stride[2] + d * p.key_stride[3]), score);
        weights[i] = score;
        largest = score > largest ? score : largest;
    }
    largest = largest_of_lanes(largest);
    float total = 0.0;
    for (uint i = self; i < count; i += GROUP) {
        float weight = exp(weights[i] - largest);
        weights[i] = weight;
        total += weight;
    }
    total = sum_of_lanes(total);
    uint target = (number * gl_NumWorkGroups.x + gl_WorkGroupID.x) * (DEPTH + 2);
    if (self == 0) {
        found[target] = largest;
        found[target + 1] = total;
    }
    // Each element of the head belongs to PARTS invocations, that take turns with the values.
    const uint PARTS = max(1, GROUP / DEPTH), OWNERS = DEPTH * PARTS;
    for (uint first = 0; first < OWNERS; first += GROUP) {
        uint owner = first + self, d = owner % DEPTH, part = owner / DEPTH;
        float sum = 0.0;
        if (owner < OWNERS)
            for (uint i = part; i < count; i += PARTS)
                sum = fma(weights[i], load_value(value_start + i * p.value_stride[2] + d * p.value_stride[3]), sum);
        barrier();
        partial[self] = sum;
        barrier();
        if (owner < OWNERS && part == 0) {
            for (uint other = 1; other < PARTS; other++)
                sum += partial[self + other * DEPTH];
            found[target + 2 + d] = sum;
        }
    }
}
