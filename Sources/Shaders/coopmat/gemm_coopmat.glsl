// SPDX-License-Identifier: MIT
//
// The tiled product behind linear_coopmat.comp and conv2d_coopmat.comp, on subgroup-scope matrices of 16 x 16 x 16
// (VK_KHR_cooperative_matrix). The including shader declares bindings and push constants and says where the left matrix
// comes from: prepareRows() once, then loadLeft(i, k): 8 elements from column k on of the i-th row of this invocation.
//
// Every tile of K goes from global memory to registers while the tile before it is multiplied, then to shared memory.
// The rows there are 16 bytes longer than the tile, so that the rows of a fragment lie in different banks. A second
// tile in shared memory, or a second one in registers, made it slower on an H200, and so did matrices that are not
// declared `readonly` (two thirds of the speed).
//
// Tile sizes: WORKGROUP_SIZE / (BK / 8) is a multiple of 8; BM and BN are multiples of 16 for each subgroup; BN /
// SUBGROUPS_N is 16, 32, 64 or 128; (BM + BN) * (BK / 8 + 1) * 16 bytes fit in shared memory. Good ones on an H200, as
// WORKGROUP_SIZE BM BN BK SUBGROUPS_N:
//   384 192 128 64 4   many rows: tiles of 192 x 128 fill the device more than twice (46080 bytes of shared memory)
//   256 128 128 64 4   fewer tiles than that, or convolutions (36864 bytes)
//   128  64  64 64 2   fewer tiles of 128 x 128 than multiprocessors, for example 257 rows (18432 bytes)
//   128 128  64 32 2   64 output channels and fewer, as in the stem of a residual network (15360 bytes)
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_cooperative_matrix : require

layout(constant_id = 0) const uint WORKGROUP_SIZE = 256;
layout(constant_id = 1) const uint BM = 128;
layout(constant_id = 2) const uint BN = 128;
layout(constant_id = 3) const uint BK = 64;
layout(constant_id = 4) const uint SUBGROUPS_N = 4;    // subgroups side by side along N
layout(constant_id = 5) const uint SUBGROUP_SIZE = 32; // as the pipeline requires it
layout(constant_id = 6) const uint ACTIVATION = 1;     // enum beasts_activation
layout(constant_id = 7) const uint EPILOGUE_ORDER = 1; // enum beasts_epilogue_order
layout(constant_id = 8) const bool HAS_BIAS = false;
layout(constant_id = 9) const bool HAS_RESIDUAL = false;
layout(constant_id = 10) const bool OUTPUT_FLOAT32 = false;
layout(constant_id = 11) const bool ALIGNED = true; // of the left matrix: see the including shader
layout(constant_id = 12) const uint GROUP_ROWS = 8; // row tiles that share columns of W while these are in the L2 cache
layout(constant_id = 13) const bool ALIGNED_OUTPUT = true; // N, strides, offsets of output and residual: multiples of 8
layout(local_size_x_id = 0) in;

#include "epilogue.glsl"

#define Accumulator coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator>

const uint SUBGROUPS_M = WORKGROUP_SIZE / SUBGROUP_SIZE / SUBGROUPS_N;
const uint FRAGMENTS_M = BM / SUBGROUPS_M / 16;
const uint FRAGMENTS_N = BN / SUBGROUPS_N / 16;
const uint CHUNKS = BK / 8; // of 16 bytes in a row of a tile
const uint PITCH = CHUNKS + 1;
const uint ROW_STEP = WORKGROUP_SIZE / CHUNKS; // rows between two chunks of one invocation
const uint LOADS_A = (BM + ROW_STEP - 1) / ROW_STEP;
const uint LOADS_W = (BN + ROW_STEP - 1) / ROW_STEP;
const uint TILE_A = BM * PITCH;
const uint TILE_W = BN * PITCH;
// The epilogue re-uses the memory: 16 rows of each subgroup's tile at a time, 4 floats longer than they are.
const uint STRIP_PITCH = FRAGMENTS_N * 4 + 1;
const uint STRIPS = WORKGROUP_SIZE / SUBGROUP_SIZE * 16 * STRIP_PITCH;
const uint TILES = TILE_A + TILE_W > STRIPS ? TILE_A + TILE_W : STRIPS;
shared uvec4 tiles[TILES];

// Neighbouring rows four apart: then eight lanes store 16 bytes each to different banks, with rows of 5 chunks too.
uint rowOf(uint i) {
    return (i & ~7u) | (i & 1) << 2 | (i >> 1 & 3);
}

float loadResidual(uint element) {
    return OUTPUT_FLOAT32 ? residual32[element] : float(residual16[element]);
}

void main() {
    uint tilesN = gl_NumWorkGroups.x;
    uint tile = gl_WorkGroupID.y * tilesN + gl_WorkGroupID.x;
    uint groupSize = GROUP_ROWS * tilesN;
    uint firstTileRow = tile / groupSize * GROUP_ROWS;
    uint tileRows = min(gl_NumWorkGroups.y - firstTileRow, GROUP_ROWS);
    uint m0 = (firstTileRow + tile % groupSize % tileRows) * BM;
    uint n0 = tile % groupSize / tileRows * BN;

    uint row = rowOf(gl_LocalInvocationID.x / CHUNKS), chunk = gl_LocalInvocationID.x % CHUNKS;
    uint subgroupM = gl_SubgroupID / SUBGROUPS_N, subgroupN = gl_SubgroupID % SUBGROUPS_N;
    prepareRows(m0 + row);
    uint wStride = p.wStride / 8;
    uint wElement = p.wOffset / 8 + (n0 + row) * wStride + chunk;

    Accumulator sum[FRAGMENTS_M][FRAGMENTS_N];
    [[unroll]] for (uint i = 0; i < FRAGMENTS_M; i++) {
        [[unroll]] for (uint j = 0; j < FRAGMENTS_N; j++) {
            sum[i][j] = Accumulator(0.0);
        }
    }

    uvec4 left[LOADS_A], right[LOADS_W];
    [[unroll]] for (uint i = 0; i < LOADS_A; i++) {
        left[i] = loadLeft(i, chunk * 8);
    }
    [[unroll]] for (uint i = 0; i < LOADS_W; i++) {
        if (BN % ROW_STEP == 0 || row + i * ROW_STEP < BN)
            right[i] = w[wElement + i * ROW_STEP * wStride];
    }
    [[dont_unroll]] for (uint k = 0; k < p.K; k += BK) {
        barrier();
        [[unroll]] for (uint i = 0; i < LOADS_A; i++) {
            if (BM % ROW_STEP == 0 || row + i * ROW_STEP < BM)
                tiles[(row + i * ROW_STEP) * PITCH + chunk] = left[i];
        }
        [[unroll]] for (uint i = 0; i < LOADS_W; i++) {
            if (BN % ROW_STEP == 0 || row + i * ROW_STEP < BN)
                tiles[TILE_A + (row + i * ROW_STEP) * PITCH + chunk] = right[i];
        }
        barrier();
        if (k + BK < p.K) {
            [[unroll]] for (uint i = 0; i < LOADS_A; i++) {
                left[i] = loadLeft(i, k + BK + chunk * 8);
            }
            [[unroll]] for (uint i = 0; i < LOADS_W; i++) {
                if (BN % ROW_STEP == 0 || row + i * ROW_STEP < BN)
                    right[i] = w[wElement + (k + BK) / 8 + i * ROW_STEP * wStride];
            }
        }
        [[unroll]] for (uint step = 0; step < BK / 16; step++) {
            coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA> fragmentA[FRAGMENTS_M];
            [[unroll]] for (uint i = 0; i < FRAGMENTS_M; i++) {
                coopMatLoad(fragmentA[i], tiles, (subgroupM * FRAGMENTS_M + i) * 16 * PITCH + step * 2, PITCH,
                            gl_CooperativeMatrixLayoutRowMajor);
            }
            [[unroll]] for (uint j = 0; j < FRAGMENTS_N; j++) {
                coopmat<float16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseB> fragmentB;
                coopMatLoad(fragmentB, tiles, TILE_A + (subgroupN * FRAGMENTS_N + j) * 16 * PITCH + step * 2, PITCH,
                            gl_CooperativeMatrixLayoutColumnMajor);
                [[unroll]] for (uint i = 0; i < FRAGMENTS_M; i++) {
                    sum[i][j] = coopMatMulAdd(fragmentA[i], fragmentB, sum[i][j]);
                }
            }
        }
    }
    barrier();

    // The position of a fragment's elements is the device's secret, hence the way through shared memory.
    const uint ROW_CHUNKS = FRAGMENTS_N * 2; // of 8 columns
    uint strip = gl_SubgroupID * 16 * STRIP_PITCH;
    uint column = gl_SubgroupInvocationID % ROW_CHUNKS;
    uint n = n0 + subgroupN * FRAGMENTS_N * 16 + column * 8;
    float biases[8];
    [[unroll]] for (uint e = 0; e < 8; e++) {
        biases[e] = HAS_BIAS ? bias[p.biasOffset + min(n + e, p.N - 1)] : 0.0;
    }
    [[unroll]] for (uint i = 0; i < FRAGMENTS_M; i++) {
        [[unroll]] for (uint j = 0; j < FRAGMENTS_N; j++) {
            coopMatStore(sum[i][j], tiles, strip + j * 4, STRIP_PITCH, gl_CooperativeMatrixLayoutRowMajor);
        }
        subgroupBarrier();
        for (uint r = gl_SubgroupInvocationID / ROW_CHUNKS; r < 16; r += SUBGROUP_SIZE / ROW_CHUNKS) {
            uint m = m0 + (subgroupM * FRAGMENTS_M + i) * 16 + r;
            if (m >= p.M || n >= p.N)
                continue;
            vec4 low = uintBitsToFloat(tiles[strip + r * STRIP_PITCH + column * 2]);
            vec4 high = uintBitsToFloat(tiles[strip + r * STRIP_PITCH + column * 2 + 1]);
            float x[8] = float[8](low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w);
            uint out0 = p.outputOffset + m * p.outputStride + n;
            uint residual0 = p.residualOffset + m * p.residualStride + n;
            float residual[8];
            if (!HAS_RESIDUAL) {
                [[unroll]] for (uint e = 0; e < 8; e++) {
                    residual[e] = 0.0;
                }
            } else if (ALIGNED_OUTPUT && OUTPUT_FLOAT32) {
                [[unroll]] for (uint h = 0; h < 2; h++) {
                    vec4 four = uintBitsToFloat(residualVector[residual0 / 4 + h]);
                    [[unroll]] for (uint e = 0; e < 4; e++) {
                        residual[h * 4 + e] = four[e];
                    }
                }
            } else if (ALIGNED_OUTPUT) {
                uvec4 eight = residualVector[residual0 / 8];
                [[unroll]] for (uint e = 0; e < 4; e++) {
                    vec2 two = unpackHalf2x16(eight[e]);
                    residual[e * 2] = two.x;
                    residual[e * 2 + 1] = two.y;
                }
            } else {
                [[unroll]] for (uint e = 0; e < 8; e++) {
                    residual[e] = n + e < p.N ? loadResidual(residual0 + e) : 0.0;
                }
            }
            [[unroll]] for (uint e = 0; e < 8; e++) {
                x[e] = finish(p.alpha * x[e] + biases[e], residual[e]);
            }
            if (ALIGNED_OUTPUT && OUTPUT_FLOAT32) {
                outputVector[out0 / 4] = floatBitsToUint(vec4(x[0], x[1], x[2], x[3]));
                outputVector[out0 / 4 + 1] = floatBitsToUint(vec4(x[4], x[5], x[6], x[7]));
            } else if (ALIGNED_OUTPUT) {
                // Not packHalf2x16, whose rounding is left to the device.
                uvec4 eight;
                [[unroll]] for (uint e = 0; e < 4; e++) {
                    eight[e] = packFloat2x16(f16vec2(x[e * 2], x[e * 2 + 1]));
                }
                outputVector[out0 / 8] = eight;
            } else {
                for (uint e = 0; e < 8 && n + e < p.N; e++) {
                    if (OUTPUT_FLOAT32)
                        output32[out0 + e] = x[e];
                    else
                        output16[out0 + e] = float16_t(x[e]);
                }
            }
        }
        subgroupBarrier();
    }
}
