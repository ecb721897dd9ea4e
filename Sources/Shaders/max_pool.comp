#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 20) const uint KERNEL_HEIGHT = 3;
layout(constant_id = 21) const uint KERNEL_WIDTH = 3;
layout(constant_id = 22) const uint STRIDE_Y = 1;
layout(constant_id = 23) const uint STRIDE_X = 1;
layout(constant_id = 24) const uint PADDING_TOP = 0;
layout(constant_id = 25) const uint PADDING_LEFT = 0;
layout(push_constant) uniform Parameters {
    uint count, channels, height, width, output_height, output_width, offset_output, offset_input;
    uint output_stride[3], input_stride[3];
}
p;
OUTPUT(0, output, OUTPUT_TYPE)
INPUT(1, input, INPUT_TYPE)

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.count)
        return;
    uint channel = index % p.channels, position = index / p.channels, line = position / p.output_width;
    uvec3 place = uvec3(line / p.output_height, line % p.output_height, position % p.output_width);
    float result = uintBitsToFloat(0xff800000u);
    for (uint j = 0; j < KERNEL_HEIGHT; j++)
        for (uint i = 0; i < KERNEL_WIDTH; i++) {
            // Before the first, a number wraps and is large.
            uint y = place.y * STRIDE_Y + j - PADDING_TOP, x = place.z * STRIDE_X + i - PADDING_LEFT;
            if (y < p.height && x < p.width)
                result = larger(result, load_input(p.offset_input + place.x * p.input_stride[0] +
                                                   y * p.input_stride[1] + x * p.input_stride[2] + channel));
        }
    store_output(p.offset_output + place.x * p.output_stride[0] + place.y * p.output_stride[1] +
                     place.z * p.output_stride[2] + channel,
                 result);
}
