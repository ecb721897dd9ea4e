// SPDX-License-Identifier: MIT
// What is done to a product before it is stored. The including file declares `p` with offset_bias, offset_residual,
// alpha.
#include "activation.glsl"
#include "elements.glsl"

layout(constant_id = 2) const uint LEFT_TYPE = 1;
layout(constant_id = 3) const uint RIGHT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 5) const uint RESIDUAL_TYPE = 0;
layout(constant_id = 6) const uint BIAS_TYPE = 0;
layout(constant_id = 7) const uint ACTIVATION = 1;
layout(constant_id = 8) const bool RESIDUAL_FIRST = false;

INPUT(0, left, LEFT_TYPE)
INPUT(1, right, RIGHT_TYPE)
OUTPUT(2, output, OUTPUT_TYPE)
INPUT(3, bias, BIAS_TYPE)
INPUT(4, residual, RESIDUAL_TYPE)

/// Stores one element of the output, which lies at `target`, its residual at `other`.
void finish(float value, uint column, uint target, uint other) {
    value *= p.alpha;
    if (BIAS_TYPE != 0)
        value += load_bias(p.offset_bias + column);
    float added = RESIDUAL_TYPE != 0 ? load_residual(other) : 0.0;
    if (RESIDUAL_TYPE != 0 && RESIDUAL_FIRST)
        value += added;
    value = activate(value, ACTIVATION);
    if (RESIDUAL_TYPE != 0 && !RESIDUAL_FIRST)
        value += added;
    store_output(target, value);
}
