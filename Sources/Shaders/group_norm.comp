#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
// Applies the statistics of group_statistics.comp.
#extension GL_GOOGLE_include_directive : require
#include "activation.glsl"
#include "elements.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 5) const uint WEIGHT_TYPE = 1;
layout(constant_id = 6) const uint BIAS_TYPE = 1;
layout(constant_id = 7) const uint ACTIVATION = 1;
layout(push_constant) uniform Parameters {
    uint count, channels, groups, group_channels, positions;
    uint offset_output, offset_input, offset_weight, offset_bias;
    uint extents[3], output_stride[4], input_stride[4];
}
p;
OUTPUT(0, output, OUTPUT_TYPE)
INPUT(1, input, INPUT_TYPE)
INPUT(2, weight, WEIGHT_TYPE)
INPUT(3, bias, BIAS_TYPE)
layout(set = 0, binding = 4) readonly buffer Statistics {
    vec2 statistics[];
};

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.count)
        return;
    uint channel = index % p.channels, position = index / p.channels % p.positions;
    uint batch = index / p.channels / p.positions, rest = position / p.extents[2];
    uvec4 place = uvec4(batch, rest / p.extents[1], rest % p.extents[1], position % p.extents[2]);
    uint target = p.offset_output + channel, source = p.offset_input + channel;
    for (uint axis = 0; axis < 4; axis++) {
        target += place[axis] * p.output_stride[axis];
        source += place[axis] * p.input_stride[axis];
    }
    vec2 found = statistics[batch * p.groups + channel / p.group_channels];
    float value = (load_input(source) - found.x) / found.y;
    value = value * load_weight(p.offset_weight + channel) + load_bias(p.offset_bias + channel);
    store_output(target, activate(value, ACTIVATION));
}
