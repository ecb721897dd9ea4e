#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
// Where each row is largest or smallest, and the negated element there where it is asked for.
#extension GL_GOOGLE_include_directive : require
#include "order.glsl"
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 4) const uint NEGATED_TYPE = 0;
layout(constant_id = 5) const bool IS_MINIMUM = false;
layout(push_constant) uniform Parameters {
    uint rows, columns, offset_output, offset_input, output_stride, input_stride, offset_negated;
}
p;
layout(set = 0, binding = 0) writeonly buffer Output {
    int numbers[];
};
INPUT(1, input, INPUT_TYPE)
OUTPUT(2, negated, NEGATED_TYPE)

void main() {
    uint row = row_number();
    if (row >= p.rows)
        return;
    uint source = p.offset_input + row * p.input_stride;
    float best = 0.0;
    uint place = NO_ELEMENT;
    for (uint i = lane(); i < p.columns; i += LANES) {
        float x = load_input(source + i);
        if (precedes(x, i, best, place, IS_MINIMUM)) {
            best = x;
            place = i;
        }
    }
    first_of_lanes(best, place, IS_MINIMUM);
    if (lane() != 0)
        return;
    numbers[p.offset_output + row * p.output_stride] = int(place);
    if (NEGATED_TYPE != 0)
        store_negated(p.offset_negated + row, -best);
}
