// SPDX-License-Identifier: MIT
// What comes first in a row: the largest or smallest, the first of equals, a NaN before all.
#include "elements.glsl"
#include "rows.glsl"

const uint NO_ELEMENT = 0xffffffffu;
shared uint partial_index[GROUP];

/// Whether the first comes before the second.
bool precedes(float value, uint index, float other, uint other_index, bool is_minimum) {
    if (index == NO_ELEMENT || other_index == NO_ELEMENT)
        return index != NO_ELEMENT;
    if (is_nan(value) || is_nan(other))
        return is_nan(value) && (!is_nan(other) || index < other_index);
    if (value != other)
        return is_minimum ? value < other : value > other;
    return index < other_index;
}

/// What comes first over the lanes of a row.
void first_of_lanes(inout float value, inout uint index, bool is_minimum) {
    if (LANES == 1)
        return;
    uint mine = gl_LocalInvocationID.x;
    barrier();
    partial[mine] = value;
    partial_index[mine] = index;
    for (uint half_count = GROUP / 2; half_count > 0; half_count /= 2) {
        barrier();
        uint its = mine + half_count;
        if (mine < half_count &&
            precedes(partial[its], partial_index[its], partial[mine], partial_index[mine], is_minimum)) {
            partial[mine] = partial[its];
            partial_index[mine] = partial_index[its];
        }
    }
    barrier();
    value = partial[0];
    index = partial_index[0];
}
