// SPDX-License-Identifier: MIT
//
// output[B, H', W', Co] = epilogue(convolution of input[B, H, W, Ci], zero padding, one group) as a product whose left
// matrix is read straight from the input (implicit GEMM), on subgroup-scope matrices (VK_KHR_cooperative_matrix,
// float16 16 x 16 x 16, float32 accumulators). The elements of a row of the kernel are one run of
// R = kernelWidth * Ci neighbours in the input, so few channels (a stem's 3) waste little. Rp is R rounded up to 8.
//
// Bindings (set 0, whole storage buffers; bindings that an option switches off may hold any buffer):
//   0 input     float16, element aOffset + b * aBatchStride + y * aRowStride + x * Ci + c
//   1 W         float16, packed once: row n (output channel) at wOffset + n * wStride, column ky * Rp + kx * Ci + c,
//               zeros in between; N padded with zero rows to a multiple of BN and K with zeros to a multiple of BK
//               (padding to 256 and 64 serves every tile size); wOffset and wStride are multiples of 8
//   2 bias      float32[Co] at biasOffset
//   3 residual  the output's type, element residualOffset + m * residualStride + n; may be the output
//   4 output    float16 or float32, element outputOffset + m * outputStride + n, where m = (b * H' + y) * W' + x
// Push constants, 23 words of 4 bytes (uint but alpha): M = B * H' * W', N = Co, K = kernelHeight * Rp, wOffset,
//   wStride, biasOffset, residualOffset, residualStride, outputOffset, outputStride, alpha (float), aOffset,
//   aBatchStride, aRowStride, inputHeight, inputRow = W * Ci, run = R, outputHeight, outputWidth, strideY,
//   strideStep = stride x * Ci, paddingTop, paddingElements = padding left * Ci.
// Specialization constants: the list in gemm_coopmat.glsl. ALIGNED: Ci, aOffset, aBatchStride and aRowStride are
//   multiples of 8.
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
    uint wOffset, wStride;
    uint biasOffset;
    uint residualOffset, residualStride;
    uint outputOffset, outputStride;
    float alpha;
    uint aOffset, aBatchStride, aRowStride;
    uint inputHeight, inputRow, run;
    uint outputHeight, outputWidth;
    uint strideY, strideStep;
    uint paddingTop, paddingElements;
}
p;

void prepareRows(uint row);
uvec4 loadLeft(uint i, uint k);

#include "gemm_coopmat.glsl"

uint batchElements[LOADS_A];
uint top[LOADS_A], leftmost[LOADS_A];

// Rows past M repeat the last one: their products are never stored. Coordinates left of or above the picture wrap
// around to large numbers, so that one comparison finds them.
void prepareRows(uint row) {
    [[unroll]] for (uint i = 0; i < LOADS_A; i++) {
        uint m = min(row + i * ROW_STEP, p.M - 1);
        uint line = m / p.outputWidth;
        batchElements[i] = p.aOffset + line / p.outputHeight * p.aBatchStride;
        top[i] = line % p.outputHeight * p.strideY - p.paddingTop;
        leftmost[i] = m % p.outputWidth * p.strideStep - p.paddingElements;
    }
}

float16_t loadTap(uint line, uint x, uint r) {
    return r < p.run && x + r < p.inputRow ? a[line + x + r] : float16_t(0);
}

uvec4 loadLeft(uint i, uint k) {
    uint paddedRun = (p.run + 7) & ~7u;
    uint y = top[i] + k / paddedRun, r = k % paddedRun;
    if (k >= p.K || y >= p.inputHeight)
        return uvec4(0);
    uint line = batchElements[i] + y * p.aRowStride, x = leftmost[i];
    if (ALIGNED)
        return x + r < p.inputRow ? aVector[(line + x + r) / 8] : uvec4(0);
    uvec4 eight;
    [[unroll]] for (uint e = 0; e < 4; e++) {
        eight[e] = packFloat2x16(f16vec2(loadTap(line, x, r + e * 2), loadTap(line, x, r + e * 2 + 1)));
    }
    return eight;
}
