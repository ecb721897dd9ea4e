#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
// Mean and 1 / deviation of each group of channels of each picture, one work group each.
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "rows.glsl"
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(push_constant) uniform Parameters {
    uint rows, groups, group_channels, positions, offset_input;
    /// Batch, then up to three axes of positions.
    uint extents[3], stride[4];
    float epsilon;
}
p;
layout(set = 0, binding = 0) writeonly buffer Statistics {
    vec2 statistics[];
};
INPUT(1, input, INPUT_TYPE)

float element(uint start, uint index) {
    uint position = index / p.group_channels, channel = index % p.group_channels;
    uint rest = position / p.extents[2];
    return load_input(start + channel + rest / p.extents[1] * p.stride[1] + rest % p.extents[1] * p.stride[2] +
                      position % p.extents[2] * p.stride[3]);
}

void main() {
    uint row = row_number();
    if (row >= p.rows)
        return;
    uint start = p.offset_input + row / p.groups * p.stride[0] + row % p.groups * p.group_channels;
    uint count = p.positions * p.group_channels;
    float sum = 0.0;
    for (uint i = lane(); i < count; i += LANES)
        sum += element(start, i);
    float mean = sum_of_lanes(sum) / float(count);
    float squares = 0.0;
    for (uint i = lane(); i < count; i += LANES) {
        float distance = element(start, i) - mean;
        squares = fma(distance, distance, squares);
    }
    float deviation = sqrt(sum_of_lanes(squares) / float(count) + p.epsilon);
    if (lane() == 0)
        statistics[row] = vec2(mean, deviation);
}
