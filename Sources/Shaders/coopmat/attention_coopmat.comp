// SPDX-License-Identifier: MIT
//
// output = softmax(scale * query x key^T) x value for every picture and head, without storing the scores (online
// softmax in float32), on subgroup-scope matrices (VK_KHR_cooperative_matrix with float16 16 x 16 x 16 and float32
// accumulators). A subgroup of exactly 32 invocations has 32 query rows; the pipeline must require that size.
//
// Row m sees the keys n < keyLength and, if CAUSAL, n <= m + queryOffset; a row that sees none is 0.
// Bindings (set 0, whole storage buffers, float16): 0 query, 1 key, 2 value, 3 output; one buffer may be all of 0 to 2.
//   Element (b, t, h, d) lies at start + b * batchStride + t * rowStride + h * headStride + d.
// Push constants, 20 words of 4 bytes: queryCount, keyLength (uint), queryOffset (int), scale (float), then start,
//   batchStride, rowStride, headStride (uint, elements) of query, key, value and output.
// Specialization constants: the list below. WORKGROUP_SIZE 64 and BC 32 were the best of four on an H200.
// Dispatch: ceil(queryCount / WORKGROUP_SIZE), heads, batch.
#version 450
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_cooperative_matrix : require

layout(constant_id = 0) const uint WORKGROUP_SIZE = 64; // also the number of query rows
layout(constant_id = 2) const uint BC = 32;             // keys a step, a multiple of 16
layout(constant_id = 3) const uint HEAD = 64;           // head dimension
layout(constant_id = 4) const uint HEAD_PADDED = 64;    // rounded up to 16
layout(constant_id = 5) const bool CAUSAL = false;
layout(constant_id = 6) const bool ALIGNED = true; // HEAD and all starts and strides are multiples of 8
layout(local_size_x_id = 0) in;

#include "attention_arguments.glsl"

layout(set = 0, binding = 0) readonly buffer QueryVectors {
    uvec4 qVector[];
};
layout(set = 0, binding = 1) readonly buffer KeyVectors {
    uvec4 kVector[];
};
layout(set = 0, binding = 2) readonly buffer ValueVectors {
    uvec4 vVector[];
};
layout(set = 0, binding = 3) writeonly buffer OutputVectors {
    uvec4 outputVector[];
};

#define Accumulator coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator>
#define Left coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA>
#define Right coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseB>

const uint CHUNKS = HEAD_PADDED / 8; // of 16 bytes
const uint PITCH = CHUNKS + 1;       // one chunk more, so that the rows of a fragment lie in different banks
const uint STEPS = HEAD_PADDED / 16;
const uint COLUMNS = BC / 16;
// A strip of 32 rows for each subgroup: its queries, then scores in float32 and their weights in float16, then sums.
const uint STRIP_PITCH = PITCH > BC / 4 + 1 ? PITCH : BC / 4 + 1;
const uint SUM_PITCH = HEAD_PADDED / 4 + 1; // for 16 rows at a time
shared uvec4 keys[BC * PITCH];
shared uvec4 values[BC * PITCH];
shared uvec4 strips[WORKGROUP_SIZE * STRIP_PITCH];
shared float factors[WORKGROUP_SIZE];

// Elements past the head dimension read as 0.
#define CHUNK(buffer, vectors, element, c)                                                                             \
    uvec4 chunk = uvec4(0);                                                                                            \
    if (ALIGNED) {                                                                                                     \
        if ((c)*8 < HEAD)                                                                                              \
            chunk = vectors[(element) / 8 + (c)];                                                                      \
    } else {                                                                                                           \
        [[unroll]] for (uint e = 0; e < 4; e++) {                                                                      \
            uint d = (c)*8 + e * 2;                                                                                    \
            chunk[e] = packFloat2x16(f16vec2(d < HEAD ? buffer[(element) + d] : float16_t(0),                          \
                                             d + 1 < HEAD ? buffer[(element) + d + 1] : float16_t(0)));                \
        }                                                                                                              \
    }

uvec4 loadQuery(uint element, uint c) {
    CHUNK(q, qVector, element, c)
    return chunk;
}

uvec4 loadKey(uint element, uint c) {
    CHUNK(k, kVector, element, c)
    return chunk;
}

uvec4 loadValue(uint element, uint c) {
    CHUNK(v, vVector, element, c)
    return chunk;
}

void main() {
    uint head = gl_WorkGroupID.y, batch = gl_WorkGroupID.z, lane = gl_SubgroupInvocationID;
    uint firstRow = gl_WorkGroupID.x * WORKGROUP_SIZE, strip = gl_SubgroupID * 32;
    uint queryStart = p.queryStart + batch * p.queryBatchStride + head * p.queryHeadStride;
    uint keyStart = p.keyStart + batch * p.keyBatchStride + head * p.keyHeadStride;
    uint valueStart = p.valueStart + batch * p.valueBatchStride + head * p.valueHeadStride;
    uint outputStart = p.outputStart + batch * p.outputBatchStride + head * p.outputHeadStride;

    for (uint i = lane; i < 32 * CHUNKS; i += 32) {
        uint row = min(firstRow + strip + i / CHUNKS, p.queryCount - 1);
        strips[(strip + i / CHUNKS) * STRIP_PITCH + i % CHUNKS] =
            loadQuery(queryStart + row * p.queryRowStride, i % CHUNKS);
    }
    subgroupBarrier();
    Left query[2][STEPS];
    Accumulator sums[2][STEPS];
    [[unroll]] for (uint i = 0; i < 2; i++) {
        [[unroll]] for (uint d = 0; d < STEPS; d++) {
            coopMatLoad(query[i][d], strips, (strip + i * 16) * STRIP_PITCH + d * 2, STRIP_PITCH,
                        gl_CooperativeMatrixLayoutRowMajor);
            sums[i][d] = Accumulator(0.0);
        }
    }

    // Each lane looks after one row.
    float largest = LOWEST, weightSum = 0.0;
    const float scale = p.scale * 1.44269504088896341;
    uint ownStrip = (strip + lane) * STRIP_PITCH;
    uint end = p.keyLength;
    if (CAUSAL)
        end = uint(clamp(int(firstRow + WORKGROUP_SIZE) + p.queryOffset, 0, int(p.keyLength)));
    [[dont_unroll]] for (uint j = 0; j < end; j += BC) {
        barrier();
        for (uint i = gl_LocalInvocationID.x; i < BC * CHUNKS; i += WORKGROUP_SIZE) {
            uint row = i / CHUNKS, c = i % CHUNKS;
            bool inside = j + row < p.keyLength;
            keys[row * PITCH + c] = inside ? loadKey(keyStart + (j + row) * p.keyRowStride, c) : uvec4(0);
            values[row * PITCH + c] = inside ? loadValue(valueStart + (j + row) * p.valueRowStride, c) : uvec4(0);
        }
        barrier();
        [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
            Accumulator scores[2];
            scores[0] = Accumulator(0.0);
            scores[1] = Accumulator(0.0);
            [[unroll]] for (uint d = 0; d < STEPS; d++) {
                Right key;
                coopMatLoad(key, keys, c * 16 * PITCH + d * 2, PITCH, gl_CooperativeMatrixLayoutColumnMajor);
                scores[0] = coopMatMulAdd(query[0][d], key, scores[0]);
                scores[1] = coopMatMulAdd(query[1][d], key, scores[1]);
            }
            coopMatStore(scores[0], strips, strip * STRIP_PITCH + c * 4, STRIP_PITCH,
                         gl_CooperativeMatrixLayoutRowMajor);
            coopMatStore(scores[1], strips, (strip + 16) * STRIP_PITCH + c * 4, STRIP_PITCH,
                         gl_CooperativeMatrixLayoutRowMajor);
        }
        subgroupBarrier();

        vec4 x[BC / 4];
        float before = largest, blockLargest = LOWEST;
        uint seen = p.keyLength;
        if (CAUSAL)
            seen = uint(clamp(int(firstRow + strip + lane) + p.queryOffset + 1, 0, int(p.keyLength)));
        [[unroll]] for (uint i = 0; i < BC / 4; i++) {
            x[i] = uintBitsToFloat(strips[ownStrip + i]) * scale;
            if (j + BC > seen) {
                [[unroll]] for (uint e = 0; e < 4; e++) {
                    x[i][e] = j + i * 4 + e < seen ? x[i][e] : LOWEST;
                }
            }
            blockLargest = max(blockLargest, max(max(x[i].x, x[i].y), max(x[i].z, x[i].w)));
        }
        // Only raised when exceeded by 8 and more: weights up to 2^8 are as exact as those up to 1, and the sums need
        // hardly ever be scaled down.
        if (blockLargest > largest + 8.0)
            largest = blockLargest;
        float decay = exp2(before - largest);
        float added = 0.0;
        [[unroll]] for (uint i = 0; i < BC / 8; i++) {
            uvec4 packed;
            [[unroll]] for (uint e = 0; e < 2; e++) {
                vec4 weights = exp2(x[i * 2 + e] - largest);
                if (j + BC > seen) {
                    [[unroll]] for (uint f = 0; f < 4; f++) {
                        weights[f] = j + i * 8 + e * 4 + f < seen ? weights[f] : 0.0;
                    }
                }
                added += weights.x + weights.y + weights.z + weights.w;
                packed[e * 2] = packFloat2x16(f16vec2(weights.xy));
                packed[e * 2 + 1] = packFloat2x16(f16vec2(weights.zw));
            }
            strips[ownStrip + i] = packed;
        }
        weightSum = weightSum * decay + added;
        bool changed = subgroupAny(largest != before);
        if (changed)
            factors[strip + lane] = decay;
        subgroupBarrier();
        if (changed) {
            // Columns of distance 0: every column of the fragment is the rows' factors, whatever the fragment's layout.
            [[unroll]] for (uint i = 0; i < 2; i++) {
                Accumulator factor;
                coopMatLoad(factor, factors, strip + i * 16, 0, gl_CooperativeMatrixLayoutColumnMajor);
                [[unroll]] for (uint d = 0; d < STEPS; d++) {
                    sums[i][d] = sums[i][d] * factor;
                }
            }
        }
        [[unroll]] for (uint c = 0; c < COLUMNS; c++) {
            Left weights[2];
            coopMatLoad(weights[0], strips, strip * STRIP_PITCH + c * 2, STRIP_PITCH,
                        gl_CooperativeMatrixLayoutRowMajor);
            coopMatLoad(weights[1], strips, (strip + 16) * STRIP_PITCH + c * 2, STRIP_PITCH,
                        gl_CooperativeMatrixLayoutRowMajor);
            [[unroll]] for (uint d = 0; d < STEPS; d++) {
                Right value;
                coopMatLoad(value, values, c * 16 * PITCH + d * 2, PITCH, gl_CooperativeMatrixLayoutRowMajor);
                sums[0][d] = coopMatMulAdd(weights[0], value, sums[0][d]);
                sums[1][d] = coopMatMulAdd(weights[1], value, sums[1][d]);
            }
        }
        subgroupBarrier(); // the strip is overwritten next
    }

    factors[strip + lane] = weightSum == 0.0 ? 0.0 : 1.0 / weightSum;
    [[unroll]] for (uint i = 0; i < 2; i++) {
        subgroupBarrier();
        [[unroll]] for (uint d = 0; d < STEPS; d++) {
            coopMatStore(sums[i][d], strips, strip * STRIP_PITCH + d * 4, SUM_PITCH,
                         gl_CooperativeMatrixLayoutRowMajor);
        }
        subgroupBarrier();
        for (uint c = lane; c < 16 * CHUNKS; c += 32) {
            uint r = c / CHUNKS, d = c % CHUNKS * 8, row = firstRow + strip + i * 16 + r;
            if (row >= p.queryCount || d >= HEAD)
                continue;
            float factor = factors[strip + i * 16 + r];
            vec4 low = uintBitsToFloat(strips[strip * STRIP_PITCH + r * SUM_PITCH + d / 4]) * factor;
            vec4 high = uintBitsToFloat(strips[strip * STRIP_PITCH + r * SUM_PITCH + d / 4 + 1]) * factor;
            uint element = outputStart + row * p.outputRowStride + d;
            if (ALIGNED) {
                outputVector[element / 8] = uvec4(packFloat2x16(f16vec2(low.xy)), packFloat2x16(f16vec2(low.zw)),
                                                  packFloat2x16(f16vec2(high.xy)), packFloat2x16(f16vec2(high.zw)));
            } else {
                float eight[8] = float[8](low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w);
                for (uint e = 0; e < 8 && d + e < HEAD; e++)
                    output16[element + e] = float16_t(eight[e]);
            }
        }
    }
}
