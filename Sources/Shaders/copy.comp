#version 450
// SPDX-License-Identifier: MIT
// Also compiled with USES_TEXELS.
// Copies between any two layouts and element types. Elements of one type are copied bit for bit; a conversion rounds
// once, to nearest even, and integers saturate.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_8bit_storage : require
#include "axes.glsl"
#include "elements.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
layout(constant_id = 2) const uint INPUT_TYPE = 1;
layout(constant_id = 4) const uint OUTPUT_TYPE = 1;
layout(push_constant) uniform Parameters {
    uint count, offset_output, offset_input;
    uint shape[RANK], output_stride[RANK], input_stride[RANK];
}
p;
layout(set = 0, binding = 0) writeonly buffer OutputWords {
    uint output_32[];
};
layout(set = 0, binding = 0) writeonly buffer OutputHalves {
    uint16_t output_16[];
};
layout(set = 0, binding = 0) writeonly buffer OutputBytes {
    uint8_t output_8[];
};
#ifdef USES_TEXELS
layout(set = 0, binding = 8) uniform usamplerBuffer input_texels;
#else
layout(set = 0, binding = 1) readonly buffer InputWords {
    uint input_32[];
};
layout(set = 0, binding = 1) readonly buffer InputHalves {
    uint16_t input_16[];
};
layout(set = 0, binding = 1) readonly buffer InputBytes {
    uint8_t input_8[];
};
#endif

uint size_of(uint type) {
    return type == FLOAT32 || type == INT32 ? 4 : type == FLOAT16 || type == BFLOAT16 ? 2 : 1;
}

uint load_bits(uint element) {
#ifdef USES_TEXELS
    return texelFetch(input_texels, int(element)).x;
#else
    uint size = size_of(INPUT_TYPE);
    return size == 4 ? input_32[element] : size == 2 ? uint(input_16[element]) : uint(input_8[element]);
#endif
}

void store_bits(uint element, uint bits) {
    uint size = size_of(OUTPUT_TYPE);
    if (size == 4)
        output_32[element] = bits;
    else if (size == 2)
        output_16[element] = uint16_t(bits);
    else
        output_8[element] = uint8_t(bits);
}

bool is_integer(uint type) {
    return type == INT32 || type == UINT8 || type == INT8;
}

int load_integer(uint bits) {
    return INPUT_TYPE == INT8 ? int(bits << 24) >> 24 : int(bits);
}

float load_float(uint bits) {
    return INPUT_TYPE == FLOAT32 ? uintBitsToFloat(bits) : from_16_bits(bits, INPUT_TYPE);
}

int rounded(float x) {
    // Both limits are numbers of float32; the first beyond the largest int32 is 2^31.
    return is_nan(x) ? 0 : x >= 2147483648.0 ? 2147483647 : x <= -2147483648.0 ? -2147483647 - 1 : int(roundEven(x));
}

uint narrowed(int x) {
    return OUTPUT_TYPE == UINT8 ? uint(clamp(x, 0, 255)) : OUTPUT_TYPE == INT8 ? uint(clamp(x, -128, 127)) : uint(x);
}

/// An int32 cut to the 24 bits that a float32 holds, the last of them set if any was lost: rounding the result to fewer
/// bits is then right, which rounding twice is not.
float sticky(int x) {
    uint magnitude = uint(abs(x));
    if (x == -2147483647 - 1)
        return -2147483648.0;
    int excess = max(findMSB(magnitude) - 23, 0);
    uint kept = magnitude >> excess << excess;
    if (kept != magnitude)
        kept |= 1u << excess;
    return x < 0 ? -float(kept) : float(kept);
}

uint float_bits(float x) {
    return OUTPUT_TYPE == FLOAT32 ? floatBitsToUint(x) : to_16_bits(x, OUTPUT_TYPE);
}

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.count)
        return;
    uint target, source;
    ELEMENT_OF(index, p.shape, p.output_stride, target)
    ELEMENT_OF(index, p.shape, p.input_stride, source)
    uint bits = load_bits(p.offset_input + source);
    if (INPUT_TYPE != OUTPUT_TYPE) {
        if (is_integer(INPUT_TYPE)) {
            int value = load_integer(bits);
            bits = is_integer(OUTPUT_TYPE) ? narrowed(value)
                                           : float_bits(OUTPUT_TYPE == BFLOAT16 ? sticky(value) : float(value));
        } else {
            float value = load_float(bits);
            bits = is_integer(OUTPUT_TYPE) ? narrowed(rounded(value)) : float_bits(value);
        }
    }
    store_bits(p.offset_output + target, bits);
}
