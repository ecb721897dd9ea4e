// SPDX-License-Identifier: MIT
//
// output[M, N] = epilogue(alpha * A[M, K] x W[N, K]^T) on subgroup-scope matrices (VK_KHR_cooperative_matrix with
// float16 16 x 16 x 16 and float32 accumulators).
//
// Bindings (set 0, whole storage buffers; bindings that an option switches off may hold any buffer):
//   0 A         float16, element aOffset + m * aStride + k; nothing outside [M, K] is read
//   1 W         float16, packed once: row n at wOffset + n * wStride, N padded with zero rows to a multiple of BN and K
//               with zeros to a multiple of BK (padding to 256 and 64 serves every tile size); wOffset and
//               wStride are multiples of 8
//   2 bias      float32[N] at biasOffset
//   3 residual  the output's type, element residualOffset + m * residualStride + n; may be the output
//   4 output    float16 or float32, element outputOffset + m * outputStride + n
// Push constants, 13 words of 4 bytes: M, N, K, aOffset, aStride, wOffset, wStride, biasOffset, residualOffset,
//   residualStride, outputOffset, outputStride (uint, elements), alpha (float).
// Specialization constants: the list in gemm_coopmat.glsl. ALIGNED: K, aOffset and aStride are multiples of 8.
// Dispatch: ceil(N / BN), ceil(M / BM), 1.
#version 450
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_control_flow_attributes : require

layout(set = 0, binding = 0) readonly buffer Activations {
    float16_t a[];
};
layout(set = 0, binding = 0) readonly buffer ActivationVectors {
    uvec4 aVector[];
};
layout(set = 0, binding = 1) readonly buffer Weights {
    uvec4 w[];
};
layout(set = 0, binding = 2) readonly buffer Bias {
    float bias[];
};
layout(set = 0, binding = 3) readonly buffer Residual16 {
    float16_t residual16[];
};
layout(set = 0, binding = 3) readonly buffer Residual32 {
    float residual32[];
};
layout(set = 0, binding = 3) readonly buffer ResidualVectors {
    uvec4 residualVector[];
};
layout(set = 0, binding = 4) writeonly buffer Output16 {
    float16_t output16[];
};
layout(set = 0, binding = 4) writeonly buffer Output32 {
    float output32[];
};
layout(set = 0, binding = 4) writeonly buffer OutputVectors {
    uvec4 outputVector[];
};

layout(push_constant) uniform Arguments {
    uint M, N, K;
    uint aOffset, aStride;
    uint wOffset, wStride;
    uint biasOffset;
    uint residualOffset, residualStride;
    uint outputOffset, outputStride;
    float alpha;
}
p;

void prepareRows(uint row);
uvec4 loadLeft(uint i, uint k);

#include "gemm_coopmat.glsl"

uint firstRow;

void prepareRows(uint row) {
    firstRow = row;
}

// Rows past M repeat the last one: their products are never stored.
uvec4 loadLeft(uint i, uint k) {
    uint element = p.aOffset + min(firstRow + i * ROW_STEP, p.M - 1) * p.aStride + k;
    if (ALIGNED)
        return k < p.K ? aVector[element / 8] : uvec4(0);
    uvec4 eight;
    [[unroll]] for (uint e = 0; e < 4; e++) {
        uint column = k + e * 2;
        float16_t first = column < p.K ? a[element + e * 2] : float16_t(0);
        float16_t second = column + 1 < p.K ? a[element + e * 2 + 1] : float16_t(0);
        eight[e] = packFloat2x16(f16vec2(first, second));
    }
    return eight;
}
