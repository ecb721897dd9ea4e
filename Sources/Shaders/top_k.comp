#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
// The k largest of each row: k times the first of those that come behind the one before. Ties are the elements that
// equal the last.
#extension GL_GOOGLE_include_directive : require
#include "order.glsl"
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(push_constant) uniform Parameters {
    uint rows, columns, k, offset_values, offset_input, offset_indices, offset_ties;
    uint values_stride, input_stride, indices_stride;
}
p;
OUTPUT(0, values, OUTPUT_TYPE)
INPUT(1, input, INPUT_TYPE)
layout(set = 0, binding = 2) writeonly buffer Indices {
    int indices[];
};
layout(set = 0, binding = 3) writeonly buffer Ties {
    int ties[];
};

void main() {
    uint row = row_number();
    if (row >= p.rows)
        return;
    uint source = p.offset_input + row * p.input_stride;
    float last = 0.0;
    uint last_place = NO_ELEMENT;
    for (uint rank = 0; rank < p.k; rank++) {
        float best = 0.0;
        uint place = NO_ELEMENT;
        for (uint i = lane(); i < p.columns; i += LANES) {
            float x = load_input(source + i);
            if ((rank == 0 || precedes(last, last_place, x, i, false)) && precedes(x, i, best, place, false)) {
                best = x;
                place = i;
            }
        }
        first_of_lanes(best, place, false);
        last = best;
        last_place = place;
        if (lane() == 0) {
            store_values(p.offset_values + row * p.values_stride + rank, last);
            indices[p.offset_indices + row * p.indices_stride + rank] = int(last_place);
        }
    }
    // Counted in float32, which holds whole numbers up to 16 million.
    float equals = 0.0;
    for (uint i = lane(); i < p.columns; i += LANES) {
        float x = load_input(source + i);
        equals += x == last || (is_nan(x) && is_nan(last)) ? 1.0 : 0.0;
    }
    equals = sum_of_lanes(equals);
    if (lane() == 0)
        ties[p.offset_ties + row] = int(equals);
}
