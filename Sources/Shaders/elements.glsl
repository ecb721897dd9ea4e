// SPDX-License-Identifier: MIT
#ifndef ELEMENTS_GLSL
#define ELEMENTS_GLSL

// Elements of the contract's types in storage buffers: the type is a specialization constant, so that one module serves
// all and the branches are gone from what runs.
#extension GL_EXT_shader_16bit_storage : require

// As in beasts_backend.h; 0 stands for a view that is absent.
const uint FLOAT32 = 1, FLOAT16 = 2, BFLOAT16 = 3, INT32 = 4, UINT8 = 5, INT8 = 6;

/// Not a number, by its bits: compilers may take isnan() for false.
bool is_nan(float x) {
    return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u;
}

/// The larger of two; a NaN wins.
float larger(float left, float right) {
    return is_nan(left) || left > right ? left : right;
}

/// To nearest even, in integers: a conversion's rounding is the device's own choice.
uint float16_bits(float x) {
    uint bits = floatBitsToUint(x), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
    if (magnitude >= 0x477ff000u) // rounds to infinity, is it, or is no number
        return sign | (magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u);
    if (magnitude < 0x38800000u) // below the normal numbers: 1/2 has their steps in its last bit
        return sign | (floatBitsToUint(uintBitsToFloat(magnitude) + 0.5) - 0x3f000000u);
    return sign | (magnitude + 0xfffu + (magnitude >> 13 & 1u) - 0x38000000u) >> 13;
}

uint bfloat16_bits(float x) {
    uint bits = floatBitsToUint(x);
    return is_nan(x) ? bits >> 16 | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

float from_16_bits(uint bits, uint type) {
    return type == FLOAT16 ? unpackHalf2x16(bits).x : uintBitsToFloat(bits << 16);
}

uint to_16_bits(float x, uint type) {
    return type == FLOAT16 ? float16_bits(x) : bfloat16_bits(x);
}

/// Declares binding `number` as `name` and load_name(index), for elements of the floating-point type `type`.
#ifdef USES_TEXELS
#include "texels.glsl"
#define INPUT(number, name, type) TEXELS(7 + number, name, type)
#else
#define INPUT(number, name, type)                                                                                      \
    layout(set = 0, binding = number) readonly buffer name##_words {                                                   \
        float name##_32[];                                                                                             \
    };                                                                                                                 \
    layout(set = 0, binding = number) readonly buffer name##_halves {                                                  \
        uint16_t name##_16[];                                                                                          \
    };                                                                                                                 \
    float load_##name(uint index) {                                                                                    \
        return type == FLOAT32 ? name##_32[index] : from_16_bits(uint(name##_16[index]), type);                        \
    }
#endif

/// The same with store_name(index, value).
#define OUTPUT(number, name, type)                                                                                     \
    layout(set = 0, binding = number) buffer name##_words {                                                            \
        float name##_32[];                                                                                             \
    };                                                                                                                 \
    layout(set = 0, binding = number) buffer name##_halves {                                                           \
        uint16_t name##_16[];                                                                                          \
    };                                                                                                                 \
    float load_##name(uint index) {                                                                                    \
        return type == FLOAT32 ? name##_32[index] : from_16_bits(uint(name##_16[index]), type);                        \
    }                                                                                                                  \
    void store_##name(uint index, float value) {                                                                       \
        if (type == FLOAT32)                                                                                           \
            name##_32[index] = value;                                                                                  \
        else                                                                                                           \
            name##_16[index] = uint16_t(to_16_bits(value, type));                                                      \
    }

/// load4_name(index): four elements side by side, `index` counting fours.
#define INPUT4(number, name, type)                                                                                     \
    layout(set = 0, binding = number) readonly buffer name##_four_words {                                              \
        vec4 name##_32x4[];                                                                                            \
    };                                                                                                                 \
    layout(set = 0, binding = number) readonly buffer name##_four_halves {                                             \
        uvec2 name##_16x4[];                                                                                           \
    };                                                                                                                 \
    vec4 load4_##name(uint index) {                                                                                    \
        if (type == FLOAT32)                                                                                           \
            return name##_32x4[index];                                                                                 \
        uvec2 bits = name##_16x4[index];                                                                               \
        return vec4(from_16_bits(bits.x & 0xffffu, type), from_16_bits(bits.x >> 16, type),                            \
                    from_16_bits(bits.y & 0xffffu, type), from_16_bits(bits.y >> 16, type));                           \
    }

/// store4_name(index, value): four elements side by side, `index` counting fours.
#define OUTPUT4(number, name, type)                                                                                    \
    layout(set = 0, binding = number) writeonly buffer name##_four_words {                                             \
        vec4 name##_32x4[];                                                                                            \
    };                                                                                                                 \
    layout(set = 0, binding = number) writeonly buffer name##_four_halves {                                            \
        uvec2 name##_16x4[];                                                                                           \
    };                                                                                                                 \
    void store4_##name(uint index, vec4 value) {                                                                       \
        if (type == FLOAT32)                                                                                           \
            name##_32x4[index] = value;                                                                                \
        else                                                                                                           \
            name##_16x4[index] = uvec2(to_16_bits(value.x, type) | to_16_bits(value.y, type) << 16,                    \
                                       to_16_bits(value.z, type) | to_16_bits(value.w, type) << 16);                   \
    }

/// The number of the work group: groups beyond what one axis takes lie along the second.
uint group_number() {
    return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
}

#endif
