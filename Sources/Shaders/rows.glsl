// SPDX-License-Identifier: MIT
#ifndef ROWS_GLSL
#define ROWS_GLSL

// Kernels that reduce rows: a row to each invocation (LANES 1, for processors that play GPU), or to each work group.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 128;
layout(constant_id = 1) const uint LANES = 128;

shared float partial[GROUP];

uint row_number() {
    return LANES == 1 ? group_number() * GROUP + gl_LocalInvocationID.x : group_number();
}

uint lane() {
    return LANES == 1 ? 0 : gl_LocalInvocationID.x;
}

/// The sum over the lanes of a row, in an order that is always the same.
float sum_of_lanes(float value) {
    if (LANES == 1)
        return value;
    barrier();
    partial[gl_LocalInvocationID.x] = value;
    for (uint half_count = GROUP / 2; half_count > 0; half_count /= 2) {
        barrier();
        if (gl_LocalInvocationID.x < half_count)
            partial[gl_LocalInvocationID.x] += partial[gl_LocalInvocationID.x + half_count];
    }
    barrier();
    return partial[0];
}

/// The largest over the lanes of a row, where none is NaN.
float largest_of_lanes(float value) {
    if (LANES == 1)
        return value;
    barrier();
    partial[gl_LocalInvocationID.x] = value;
    for (uint half_count = GROUP / 2; half_count > 0; half_count /= 2) {
        barrier();
        if (gl_LocalInvocationID.x < half_count)
            partial[gl_LocalInvocationID.x] =
                max(partial[gl_LocalInvocationID.x], partial[gl_LocalInvocationID.x + half_count]);
    }
    barrier();
    return partial[0];
}

#endif
