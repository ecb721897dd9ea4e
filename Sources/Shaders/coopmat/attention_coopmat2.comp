// SPDX-License-Identifier: MIT
//
// output = softmax(scale * query x key^T) x value for every picture and head, without storing the scores (online
// softmax in float32). Subgroup-scope matrices of VK_NV_cooperative_matrix2 (features: flexible dimensions, reductions,
// conversions, per-element operations, tensor addressing), whose row reductions and conversions keep scores and weights
// in registers; keys and values go through shared memory. Each subgroup of 32 invocations has ROWS query rows.
//
// Row m sees the keys n < keyLength and, if CAUSAL, n <= m + queryOffset; a row that sees none is 0.
// Bindings (set 0, whole storage buffers, float16): 0 query, 1 key, 2 value, 3 output; one buffer may be all of 0 to 2.
//   Element (b, t, h, d) lies at start + b * batchStride + t * rowStride + h * headStride + d.
// Push constants, 20 words of 4 bytes: queryCount, keyLength (uint), queryOffset (int), scale (float), then start,
//   batchStride, rowStride, headStride (uint, elements) of query, key, value and output.
// Specialization constants: the list below. WORKGROUP_SIZE 128, ROWS 16 and BC 48 were the best of ten on an H200 for
// head dimensions 32 and 64 (257 and 1568 tokens), BC 64 for 80.
// Dispatch: ceil(queryCount / (WORKGROUP_SIZE / 32 * ROWS)), heads, batch.
#version 450
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_control_flow_attributes : require

layout(constant_id = 0) const uint WORKGROUP_SIZE = 128;
layout(constant_id = 1) const uint ROWS = 16;        // query rows a subgroup, a multiple of 16
layout(constant_id = 2) const uint BC = 48;          // keys a step, a multiple of 16
layout(constant_id = 3) const uint HEAD = 64;        // head dimension
layout(constant_id = 4) const uint HEAD_PADDED = 64; // rounded up to 16
layout(constant_id = 5) const bool CAUSAL = false;
layout(constant_id = 6) const bool ALIGNED = true; // HEAD and all starts and strides are multiples of 8
layout(local_size_x_id = 0) in;

#include "attention_arguments.glsl"

layout(set = 0, binding = 1) readonly buffer KeyVectors {
    uvec4 kVector[];
};
layout(set = 0, binding = 2) readonly buffer ValueVectors {
    uvec4 vVector[];
};

#define Scores coopmat<float, gl_ScopeSubgroup, ROWS, BC, gl_MatrixUseAccumulator>
#define Statistics coopmat<float, gl_ScopeSubgroup, ROWS, 16, gl_MatrixUseAccumulator>
#define Weights coopmat<float16_t, gl_ScopeSubgroup, ROWS, BC, gl_MatrixUseA>
#define Sums coopmat<float, gl_ScopeSubgroup, ROWS, HEAD_PADDED, gl_MatrixUseAccumulator>
#define Clamped tensorLayoutNV<2, gl_CooperativeMatrixClampModeConstantNV>

const uint CHUNKS = HEAD_PADDED / 8; // of 16 bytes
const uint PITCH = CHUNKS + 1;       // one chunk more, so that the rows of a fragment lie in different banks
const uint LOADS = (BC * CHUNKS + WORKGROUP_SIZE - 1) / WORKGROUP_SIZE;
shared uvec4 keys[BC * PITCH];
shared uvec4 values[BC * PITCH];

float larger(const in float x, const in float y) {
    return max(x, y);
}

float either(const in float x, const in float y) {
    return x;
}

// A row's maximum is only raised when it is exceeded by 8 and more: weights up to 2^8 are as exact as those up to 1,
// and the sums need hardly ever be scaled down.
float raised(const in uint row, const in uint column, const in float x, const in float before) {
    return x > before + 8.0 ? x : before;
}

float powerOfTwo(const in uint row, const in uint column, const in float x) {
    return exp2(x);
}

float weight(const in uint row, const in uint column, const in float x, const in float largest) {
    return x <= LOWEST ? 0.0 : exp2(x - largest); // in this order, so that NaN stays
}

float plainWeight(const in uint row, const in uint column, const in float x, const in float largest) {
    return exp2(x - largest);
}

float visible(const in uint row, const in uint column, const in float x, const in uint firstRow,
              const in uint firstColumn) {
    uint key = firstColumn + column;
    if (key >= p.keyLength || (CAUSAL && int(key) > int(firstRow + row) + p.queryOffset))
        return LOWEST;
    return x;
}

float quotient(const in uint row, const in uint column, const in float x, const in float sum) {
    return sum == 0.0 ? 0.0 : x / sum;
}

uvec4 loadKey(uint element, uint c) {
    if (ALIGNED)
        return c * 8 < HEAD ? kVector[element / 8 + c] : uvec4(0);
    uvec4 eight;
    [[unroll]] for (uint e = 0; e < 4; e++) {
        uint d = c * 8 + e * 2;
        eight[e] = packFloat2x16(
            f16vec2(d < HEAD ? k[element + d] : float16_t(0), d + 1 < HEAD ? k[element + d + 1] : float16_t(0)));
    }
    return eight;
}

uvec4 loadValue(uint element, uint c) {
    if (ALIGNED)
        return c * 8 < HEAD ? vVector[element / 8 + c] : uvec4(0);
    uvec4 eight;
    [[unroll]] for (uint e = 0; e < 4; e++) {
        uint d = c * 8 + e * 2;
        eight[e] = packFloat2x16(
            f16vec2(d < HEAD ? v[element + d] : float16_t(0), d + 1 < HEAD ? v[element + d + 1] : float16_t(0)));
    }
    return eight;
}

void main() {
    uint head = gl_WorkGroupID.y, batch = gl_WorkGroupID.z;
    uint groupRow = gl_WorkGroupID.x * (WORKGROUP_SIZE / 32 * ROWS), firstRow = groupRow + gl_SubgroupID * ROWS;
    const uint mask = ALIGNED ? ~7u : ~0u;
    uint queryStart = (p.queryStart + batch * p.queryBatchStride + head * p.queryHeadStride) & mask;
    uint keyStart = p.keyStart + batch * p.keyBatchStride + head * p.keyHeadStride;
    uint valueStart = p.valueStart + batch * p.valueBatchStride + head * p.valueHeadStride;
    uint outputStart = (p.outputStart + batch * p.outputBatchStride + head * p.outputHeadStride) & mask;

    Clamped layoutQ = createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
    layoutQ = setTensorLayoutDimensionNV(layoutQ, p.queryCount, HEAD);
    layoutQ = setTensorLayoutStrideNV(layoutQ, p.queryRowStride & mask, 1);
    coopmat<float16_t, gl_ScopeSubgroup, ROWS, HEAD_PADDED, gl_MatrixUseA> query;
    coopMatLoadTensorNV(query, q, queryStart, sliceTensorLayoutNV(layoutQ, firstRow, ROWS, 0, HEAD_PADDED));

    Sums sums = Sums(0.0);
    // All columns of the statistics are equal. The sums of the weights are products with a matrix of ones.
    Statistics largest = Statistics(LOWEST), weightSums = Statistics(0.0);
    coopmat<float16_t, gl_ScopeSubgroup, BC, 16, gl_MatrixUseB> ones =
        coopmat<float16_t, gl_ScopeSubgroup, BC, 16, gl_MatrixUseB>(1.0);
    const float scale = p.scale * 1.44269504088896341;

    uint end = p.keyLength;
    if (CAUSAL)
        end = uint(clamp(int(groupRow + WORKGROUP_SIZE / 32 * ROWS) + p.queryOffset, 0, int(p.keyLength)));
    bool working = firstRow < p.queryCount;
    uvec4 nextKeys[LOADS], nextValues[LOADS];
#define FETCH(first)                                                                                                   \
    [[unroll]] for (uint i = 0; i < LOADS; i++) {                                                                      \
        uint chunk = gl_LocalInvocationID.x + i * WORKGROUP_SIZE, row = (first) + chunk / CHUNKS, c = chunk % CHUNKS;  \
        bool inside = row < p.keyLength && chunk < BC * CHUNKS;                                                        \
        nextKeys[i] = inside ? loadKey(keyStart + row * p.keyRowStride, c) : uvec4(0);                                 \
        nextValues[i] = inside ? loadValue(valueStart + row * p.valueRowStride, c) : uvec4(0);                         \
    }
    FETCH(0)
    [[dont_unroll]] for (uint j = 0; j < end; j += BC) {
        barrier();
        [[unroll]] for (uint i = 0; i < LOADS; i++) {
            uint chunk = gl_LocalInvocationID.x + i * WORKGROUP_SIZE, row = chunk / CHUNKS, c = chunk % CHUNKS;
            if (chunk < BC * CHUNKS) {
                keys[row * PITCH + c] = nextKeys[i];
                values[row * PITCH + c] = nextValues[i];
            }
        }
        barrier();
        if (j + BC < end) {
            FETCH(j + BC)
        }
        if (!working)
            continue;
        coopmat<float16_t, gl_ScopeSubgroup, HEAD_PADDED, BC, gl_MatrixUseB> key;
        coopMatLoad(key, keys, 0, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
        Scores scores = coopMatMulAdd(query, key, Scores(0.0));
        scores = scores * scale;
        bool masked = j + BC > p.keyLength || (CAUSAL && int(j + BC) > int(firstRow) + p.queryOffset + 1);
        if (masked)
            coopMatPerElementNV(scores, scores, visible, firstRow, j);

        Statistics before = largest, rowLargest;
        coopMatReduceNV(rowLargest, scores, gl_CooperativeMatrixReduceRowNV, larger);
        coopMatPerElementNV(largest, rowLargest, raised, before);
        bool changed = false;
        [[unroll]] for (int e = 0; e < largest.length(); e++) {
            changed = changed || largest[e] != before[e];
        }
        if (subgroupAny(changed)) {
            Statistics decay = before - largest;
            coopMatPerElementNV(decay, decay, powerOfTwo);
            weightSums = weightSums * decay;
            Sums sumDecay;
            coopMatReduceNV(sumDecay, decay, gl_CooperativeMatrixReduceRowNV, either);
            sums = sums * sumDecay;
        }
        Scores offsets;
        coopMatReduceNV(offsets, largest, gl_CooperativeMatrixReduceRowNV, either);
        if (masked)
            coopMatPerElementNV(scores, scores, weight, offsets);
        else
            coopMatPerElementNV(scores, scores, plainWeight, offsets);
        Weights weights = Weights(scores);
        weightSums = coopMatMulAdd(weights, ones, weightSums);

        coopmat<float16_t, gl_ScopeSubgroup, BC, HEAD_PADDED, gl_MatrixUseB> value;
        coopMatLoad(value, values, 0, PITCH, gl_CooperativeMatrixLayoutRowMajor);
        sums = coopMatMulAdd(weights, value, sums);
    }

    if (!working)
        return;
    Sums divisor;
    coopMatReduceNV(divisor, weightSums, gl_CooperativeMatrixReduceRowNV, either);
    coopMatPerElementNV(sums, sums, quotient, divisor);
    Clamped layoutO = createTensorLayoutNV(2, gl_CooperativeMatrixClampModeConstantNV);
    layoutO = setTensorLayoutDimensionNV(layoutO, p.queryCount, HEAD);
    layoutO = setTensorLayoutStrideNV(layoutO, p.outputRowStride & mask, 1);
    coopMatStoreTensorNV(coopmat<float16_t, gl_ScopeSubgroup, ROWS, HEAD_PADDED, gl_MatrixUseAccumulator>(sums),
                         output16, outputStart, sliceTensorLayoutNV(layoutO, firstRow, ROWS, 0, HEAD_PADDED));
}
