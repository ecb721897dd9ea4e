// SPDX-License-Identifier: MIT
//
// Bindings and push constants of both attention shaders.
layout(set = 0, binding = 0) readonly buffer Queries {
    float16_t q[];
};
layout(set = 0, binding = 1) readonly buffer Keys {
    float16_t k[];
};
layout(set = 0, binding = 2) readonly buffer Values {
    float16_t v[];
};
layout(set = 0, binding = 3) writeonly buffer Output {
    float16_t output16[];
};

layout(push_constant) uniform Arguments {
    uint queryCount, keyLength;
    int queryOffset;
    float scale;
    uint queryStart, queryBatchStride, queryRowStride, queryHeadStride;
    uint keyStart, keyBatchStride, keyRowStride, keyHeadStride;
    uint valueStart, valueBatchStride, valueRowStride, valueHeadStride;
    uint outputStart, outputBatchStride, outputRowStride, outputHeadStride;
}
p;

// Below every score, yet finite: the difference of two of them is 0 rather than NaN.
const float LOWEST = -1.7e38;
