// SPDX-License-Identifier: MIT
#ifndef ACTIVATION_GLSL
#define ACTIVATION_GLSL

#include "elements.glsl"

// As in beasts_backend.h.
const uint RELU = 2, GELU = 3, SILU = 4;

/// x/2 (1 + erf(x / sqrt 2)), the error function as x times a quotient of polynomials in x^2 up to where it is 1,
/// fitted for the least error: 1e-8, and 3.6e-7 with float's own rounding.
float gelu(float x) {
    const float end = 5.4;
    float y = clamp(x, -end, end), z = y * y;
    float p = fma(z, 4.67744377e-08, 1.27198065e-05);
    p = fma(p, z, 0.000328622788);
    p = fma(p, z, 0.00930157766);
    p = fma(p, z, 0.066742539);
    p = fma(p, z, 0.797884491);
    float q = fma(z, 1.21659637e-06, 7.2396628e-05);
    q = fma(q, z, 0.00185892382);
    q = fma(q, z, 0.028378129);
    q = fma(q, z, 0.250315458);
    q = fma(q, z, 1.0);
    // Far below, the true factor is 0, or no number times minus infinity.
    return x * (x < -end ? 0.0 : 0.5 + 0.5 * y * p / q);
}

float activate(float x, uint activation) {
    // The plain comparison becomes a maximum on some GPUs, which loses a NaN.
    if (activation == RELU)
        return x < 0.0 && !is_nan(x) ? 0.0 : x;
    if (activation == GELU)
        return gelu(x);
    if (activation == SILU)
        return x < -88.3 ? x * 0.0 : x / (1.0 + exp(-x));
    return x;
}

#endif
