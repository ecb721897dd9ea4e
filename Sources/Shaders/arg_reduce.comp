#version 450
// SPDX-License-Identifier: MIT
// Where each row is largest or smallest: the first of equals, and a NaN before all.
#extension GL_GOOGLE_include_directive : require
#include "elements.glsl"
#include "rows.glsl"
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 5) const bool IS_MINIMUM = false;
layout(push_constant) uniform Parameters {
    uint rows, columns, offset_output, offset_input, output_stride, input_stride;
}
p;
layout(set = 0, binding = 0) writeonly buffer Output {
    int numbers[];
};
INPUT(1, input, INPUT_TYPE)
shared uint partial_index[GROUP];

/// Whether the first comes before the second. Index 0xffffffff stands for no element.
bool precedes(float value, uint index, float other, uint other_index) {
    if (index == 0xffffffffu || other_index == 0xffffffffu)
        return other_index == 0xffffffffu;
    if (is_nan(value) || is_nan(other))
        return is_nan(value) && (!is_nan(other) || index < other_index);
    if (value != other)
        return IS_MINIMUM ? value < other : value > other;
    return index < other_index;
}

void main() {
    uint row = row_number();
    if (row >= p.rows)
        return;
    uint source = p.offset_input + row * p.input_stride;
    float best = 0.0;
    uint place = 0xffffffffu;
    for (uint i = lane(); i < p.columns; i += LANES) {
        float x = load_input(source + i);
        if (precedes(x, i, best, place)) {
            best = x;
            place = i;
        }
    }
    if (LANES > 1) {
        partial[gl_LocalInvocationID.x] = best;
        partial_index[gl_LocalInvocationID.x] = place;
        for (uint half_count = GROUP / 2; half_count > 0; half_count /= 2) {
            barrier();
            uint mine = gl_LocalInvocationID.x, its = mine + half_count;
            if (mine < half_count && precedes(partial[its], partial_index[its], partial[mine], partial_index[mine])) {
                partial[mine] = partial[its];
                partial_index[mine] = partial_index[its];
            }
        }
        place = partial_index[0];
    }
    if (lane() == 0)
        numbers[p.offset_output + row * p.output_stride] = int(place);
}
