#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
// Add, multiply, scale and activation.
#extension GL_GOOGLE_include_directive : require
#include "activation.glsl"
#include "axes.glsl"
#include "elements.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
/// 0 adds, 1 multiplies, 2 scales, 3 is an activation.
layout(constant_id = 1) const uint KIND = 0;
layout(constant_id = 2) const uint LEFT_TYPE = 1;
layout(constant_id = 3) const uint RIGHT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 7) const uint ACTIVATION = 1;
layout(push_constant) uniform Parameters {
    uint count, offset_output, offset_left, offset_right;
    float alpha, beta;
    uint shape[RANK], output_stride[RANK], left_stride[RANK], right_stride[RANK];
}
p;
OUTPUT(0, output, OUTPUT_TYPE)
INPUT(1, left, LEFT_TYPE)
INPUT(2, right, RIGHT_TYPE)

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.count)
        return;
    uint target, source;
    ELEMENT_OF(index, p.shape, p.output_stride, target)
    ELEMENT_OF(index, p.shape, p.left_stride, source)
    float value = load_left(p.offset_left + source);
    if (KIND <= 1) {
        ELEMENT_OF(index, p.shape, p.right_stride, source)
        float other = load_right(p.offset_right + source);
        value = KIND == 0 ? value + other : value * other;
    } else if (KIND == 2)
        value = p.alpha * value + p.beta;
    else
        value = activate(value, ACTIVATION);
    store_output(p.offset_output + target, value);
}
