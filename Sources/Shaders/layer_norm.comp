#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
// Mean and squared distances in two passes. With a residual: that receives the sum first, and is what is normalised.
#extension GL_GOOGLE_include_directive : require
#include "activation.glsl"
#include "elements.glsl"
#include "rows.glsl"
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 3) const uint RESIDUAL_TYPE = 0;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 5) const uint WEIGHT_TYPE = 1;
layout(constant_id = 6) const uint BIAS_TYPE = 1;
layout(constant_id = 7) const uint ACTIVATION = 1;
layout(push_constant) uniform Parameters {
    uint rows, columns, offset_output, offset_input, offset_weight, offset_bias, offset_residual;
    uint extents[2], output_stride[3], input_stride[3], residual_stride[3];
    float epsilon;
    /// Where the residual is read, which is counted from elsewhere in a texel buffer.
    uint offset_before;
}
p;
OUTPUT(0, output, OUTPUT_TYPE)
INPUT(1, input, INPUT_TYPE)
INPUT(2, weight, WEIGHT_TYPE)
INPUT(3, bias, BIAS_TYPE)
OUTPUT(4, residual, RESIDUAL_TYPE)

#ifdef USES_TEXELS
// What was stored is not read again, since texel buffers need not show it: the sum is made anew, and stored at the end.
INPUT(4, before, RESIDUAL_TYPE)

float element(uint source, uint other, uint i) {
    if (RESIDUAL_TYPE == 0)
        return load_input(source + i);
    float sum = load_before(other - p.offset_residual + p.offset_before + i) + load_input(source + i);
    return RESIDUAL_TYPE == FLOAT32 ? sum : from_16_bits(to_16_bits(sum, RESIDUAL_TYPE), RESIDUAL_TYPE);
}
#else
float element(uint source, uint other, uint i) {
    return RESIDUAL_TYPE != 0 ? load_residual(other + i) : load_input(source + i);
}
#endif

void main() {
    uint row = row_number();
    if (row >= p.rows)
        return;
    uint rest = row / p.extents[1];
    uvec3 place = uvec3(rest / p.extents[0], rest % p.extents[0], row % p.extents[1]);
    uint target =
        p.offset_output + place.x * p.output_stride[0] + place.y * p.output_stride[1] + place.z * p.output_stride[2];
    uint source =
        p.offset_input + place.x * p.input_stride[0] + place.y * p.input_stride[1] + place.z * p.input_stride[2];
    uint other = p.offset_residual + place.x * p.residual_stride[0] + place.y * p.residual_stride[1] +
                 place.z * p.residual_stride[2];
    float sum = 0.0;
    for (uint i = lane(); i < p.columns; i += LANES) {
#ifndef USES_TEXELS
        if (RESIDUAL_TYPE != 0)
            store_residual(other + i, load_residual(other + i) + load_input(source + i));
#endif
        sum += element(source, other, i);
    }
    float mean = sum_of_lanes(sum) / float(p.columns);
    float squares = 0.0;
    for (uint i = lane(); i < p.columns; i += LANES) {
        float distance = element(source, other, i) - mean;
        squares = fma(distance, distance, squares);
    }
    float deviation = sqrt(sum_of_lanes(squares) / float(p.columns) + p.epsilon);
    for (uint i = lane(); i < p.columns; i += LANES) {
        float value = element(source, other, i);
#ifdef USES_TEXELS
        if (RESIDUAL_TYPE != 0)
            store_residual(other + i, value);
#endif
        value = (value - mean) / deviation;
        value = value * load_weight(p.offset_weight + i) + load_bias(p.offset_bias + i);
        store_output(target + i, activate(value, ACTIVATION));
    }
}
