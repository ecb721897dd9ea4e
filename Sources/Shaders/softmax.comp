#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "rows.glsl"
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 5) const bool IS_CAUSAL = false;
layout(push_constant) uniform Parameters {
    uint rows, columns, offset_output, offset_input;
    /// Of the three axes in front, the last is the query.
    uint extents[3], output_stride[3], input_stride[3];
    uint query_offset, key_length, first_row;
    float scale;
}
p;
OUTPUT(0, output, OUTPUT_TYPE)
INPUT(1, input, INPUT_TYPE)

void main() {
    uint row = row_number();
    if (row >= p.rows)
        return;
    row += p.first_row;
    uint query = row % p.extents[2], rest = row / p.extents[2];
    uvec3 place = uvec3(rest / p.extents[1], rest % p.extents[1], query);
    uint target =
        p.offset_output + place.x * p.output_stride[0] + place.y * p.output_stride[1] + place.z * p.output_stride[2];
    uint source =
        p.offset_input + place.x * p.input_stride[0] + place.y * p.input_stride[1] + place.z * p.input_stride[2];
    uint seen = IS_CAUSAL ? min(p.key_length, query + p.query_offset + 1) : p.key_length;
    // A NaN is no largest element; it comes in with the sum.
    float largest = uintBitsToFloat(0xff800000u);
    for (uint i = lane(); i < seen; i += LANES) {
        float x = p.scale * load_input(source + i);
        largest = x > largest ? x : largest;
    }
    largest = largest_of_lanes(largest);
    float sum = 0.0;
    for (uint i = lane(); i < seen; i += LANES)
        sum += exp(p.scale * load_input(source + i) - largest);
    float factor = 1.0 / sum_of_lanes(sum);
    for (uint i = lane(); i < seen; i += LANES)
        store_output(target + i, exp(p.scale * load_input(source + i) - largest) * factor);
    for (uint i = seen + lane(); i < p.columns; i += LANES)
        store_output(target + i, 0.0);
}
