#version 450
// SPDX-License-Identifier: MIT
// What attention_decode.comp found for the chunks of keys of each query, put together: an invocation for each element.
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 10) const uint DEPTH = 64;
layout(push_constant) uniform Parameters {
    uint count, queries, heads, chunks, offset_output;
    /// Batch, head, row, element.
    uint output_stride[4];
}
p;
OUTPUT(0, output, OUTPUT_TYPE)
layout(set = 0, binding = 1) readonly buffer Found {
    float found[];
};

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.count)
        return;
    uint number = index / DEPTH, d = index % DEPTH;
    uint row = number % p.queries, head = number / p.queries % p.heads, batch = number / p.queries / p.heads;
    uint source = number * p.chunks * (DEPTH + 2);
    float largest = -3.0e38;
    for (uint chunk = 0; chunk < p.chunks; chunk++)
        largest = max(largest, found[source + chunk * (DEPTH + 2)]);
    float total = 0.0, sum = 0.0;
    for (uint chunk = 0; chunk < p.chunks; chunk++) {
        uint start = source + chunk * (DEPTH + 2);
        float factor = exp(found[start] - largest);
        total = fma(factor, found[start + 1], total);
        sum = fma(factor, found[start + 2 + d], sum);
    }
    store_output(p.offset_output + batch * p.output_stride[0] + head * p.output_stride[1] + row * p.output_stride[2] +
                     d * p.output_stride[3],
                 total == 0.0 ? 0.0 : sum / total);
}
