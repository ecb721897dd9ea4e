// SPDX-License-Identifier: MIT
//
// What a product goes through before it is stored. The numbers are those of enum beasts_activation and enum
// beasts_epilogue_order, so that a backend passes its arguments on unchanged.
const uint ACTIVATION_RELU = 2;
const uint ACTIVATION_GELU = 3;
const uint ACTIVATION_SILU = 4;
const uint RESIDUAL_THEN_ACTIVATION = 2;

// x/2 (1 + erf(x/sqrt 2)) = max(x, 0) - |x|/2 erfc(|x|/sqrt 2), which has no cancellation for negative x. The
// polynomial is 7.1.26 of Abramowitz and Stegun (absolute error of erf 1.5e-7). Without branches, since every element
// of a product passes here. |x| is bounded because infinity * 0 is NaN; the last line keeps a NaN.
float gelu(float x) {
    float magnitude = min(abs(x), 16.0);
    float z = magnitude * 0.70710678118654752;
    float t = 1.0 / (1.0 + 0.3275911 * z);
    float series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    float tail = 0.5 * magnitude * series * exp2(z * z * -1.44269504088896341);
    return (x < 0.0 ? 0.0 : x) - tail;
}

float activate(float x) {
    if (ACTIVATION == ACTIVATION_RELU)
        // By its bits: a compiler may make a plain comparison a maximum, which loses NaN.
        return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u ? x : max(x, 0.0);
    if (ACTIVATION == ACTIVATION_GELU)
        return gelu(x);
    if (ACTIVATION == ACTIVATION_SILU)
        return x / (1.0 + exp(-x));
    return x;
}

float finish(float x, float residual) {
    if (EPILOGUE_ORDER == RESIDUAL_THEN_ACTIVATION)
        return activate(x + residual);
    return activate(x) + residual;
}
