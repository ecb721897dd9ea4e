#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
// Sum, mean or maximum over the middle axis of [outer, n, inner], one invocation for each result.
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
/// As in beasts_backend.h.
layout(constant_id = 1) const uint KIND = 1;
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
const uint MEAN = 2, MAXIMUM = 3;
layout(push_constant) uniform Parameters {
    uint count, inner, extent, offset_output, offset_input;
    uint output_stride[2], input_stride[3];
    /// Of a mean.
    float divisor;
}
p;
OUTPUT(0, output, OUTPUT_TYPE)
INPUT(1, input, INPUT_TYPE)

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.count)
        return;
    uint outer = index / p.inner, inner = index % p.inner;
    uint source = p.offset_input + outer * p.input_stride[0] + inner * p.input_stride[2];
    float result = KIND == MAXIMUM ? uintBitsToFloat(0xff800000u) : 0.0;
    for (uint i = 0; i < p.extent; i++) {
        float x = load_input(source + i * p.input_stride[1]);
        result = KIND == MAXIMUM ? larger(result, x) : result + x;
    }
    if (KIND == MEAN)
        result /= p.divisor;
    store_output(p.offset_output + outer * p.output_stride[0] + inner * p.output_stride[1], result);
}
