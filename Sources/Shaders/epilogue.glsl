// SPDX-License-Identifier: MIT
// What is done to a product before it is stored. The including file declares `p` with offset_bias, offset_residual,
// alpha.
#include "activation.glsl"
#include "elements.glsl"

// Where an output's columns do not lie side by side, and where they do.
#ifndef COLUMN_STEP
#define COLUMN_STEP 1
#endif
#ifndef ALPHA
#define ALPHA p.alpha
#endif

layout(constant_id = 2) const uint LEFT_TYPE = 1;
layout(constant_id = 3) const uint RIGHT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(constant_id = 5) const uint RESIDUAL_TYPE = 0;
layout(constant_id = 6) const uint BIAS_TYPE = 0;
layout(constant_id = 7) const uint ACTIVATION = 1;
layout(constant_id = 8) const bool RESIDUAL_FIRST = false;

#ifdef USES_TEXELS
#include "texels.glsl"
TEXELS(8, left, LEFT_TYPE)
TEXELS(9, right, RIGHT_TYPE)
TEXELS(10, bias, BIAS_TYPE)
TEXELS(11, residual, RESIDUAL_TYPE)
OUTPUT(0, output, OUTPUT_TYPE)
OUTPUT4(0, output, OUTPUT_TYPE)
#else
INPUT(0, left, LEFT_TYPE)
INPUT(1, right, RIGHT_TYPE)
OUTPUT(2, output, OUTPUT_TYPE)
INPUT(3, bias, BIAS_TYPE)
INPUT(4, residual, RESIDUAL_TYPE)
#endif

/// What becomes of a product, given its elements of bias and residual.
float finished(float value, float bias, float residual) {
    value *= ALPHA;
    if (BIAS_TYPE != 0)
        value += bias;
    if (RESIDUAL_TYPE != 0 && RESIDUAL_FIRST)
        value += residual;
    value = activate(value, ACTIVATION);
    if (RESIDUAL_TYPE != 0 && !RESIDUAL_FIRST)
        value += residual;
    return value;
}

/// Stores one element of the output, which lies at `target`, its residual at `other`.
void finish(float value, uint column, uint target, uint other) {
    float bias = BIAS_TYPE != 0 ? load_bias(p.offset_bias + column) : 0.0;
    store_output(target, finished(value, bias, RESIDUAL_TYPE != 0 ? load_residual(other) : 0.0));
}

#ifdef USES_TEXELS
/// Where four columns lie side by side, and rows of all that is read and stored begin at a multiple of four.
layout(constant_id = 17) const bool IS_ALIGNED = true;

/// The bias of four columns.
vec4 bias_of(uint column) {
    if (BIAS_TYPE == 0)
        return vec4(0);
    if (IS_ALIGNED)
        return load4_bias((p.offset_bias + column) / 4);
    vec4 bias;
    for (uint j = 0; j < 4; j++)
        bias[j] = load_bias(p.offset_bias + min(column + j, p.columns - 1));
    return bias;
}

/// Stores four columns, those of them that there are.
void finish4(vec4 value, vec4 bias, uint column, uint target, uint other) {
    if (column >= p.columns)
        return;
    vec4 residual = vec4(0);
    if (RESIDUAL_TYPE != 0 && IS_ALIGNED)
        residual = load4_residual(other / 4);
    else if (RESIDUAL_TYPE != 0)
        for (uint j = 0; j < 4; j++)
            residual[j] = load_residual(other + min(j, p.columns - 1 - column));
    for (uint j = 0; j < 4; j++)
        value[j] = finished(value[j], bias[j], residual[j]);
    if (IS_ALIGNED)
        store4_output(target / 4, value);
    else
        for (uint j = 0; j < 4; j++)
            if (column + j < p.columns)
                store_output(target + j * COLUMN_STEP, value[j]);
}
#endif
