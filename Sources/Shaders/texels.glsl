// SPDX-License-Identifier: MIT
// Operands that are read through texel buffers, for processors that play GPU. Mesa's reads a storage buffer lane by
// lane under a mask, of which processors without masked gathers make a loop that waits for itself in every turn; a
// texel buffer it reads for all lanes at once, four numbers of each lane as fast as one.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_shuffle : require
#extension GL_EXT_control_flow_attributes : require
#include "elements.glsl"

/// Declares binding `number` as `name`: load_name(element), and load4_name(number of a group of four elements).
#define TEXELS(number, name, type)                                                                                     \
    layout(set = 0, binding = number) uniform usamplerBuffer name##_texels;                                            \
    float load_##name(uint index) {                                                                                    \
        uint bits = texelFetch(name##_texels, int(index)).x;                                                           \
        return type == FLOAT32 ? uintBitsToFloat(bits) : from_16_bits(bits, type);                                     \
    }                                                                                                                  \
    vec4 load4_##name(uint index) {                                                                                    \
        uvec4 bits = texelFetch(name##_texels, int(index));                                                            \
        if (type == FLOAT32)                                                                                           \
            return uintBitsToFloat(bits);                                                                              \
        return vec4(from_16_bits(bits.x, type), from_16_bits(bits.y, type), from_16_bits(bits.z, type),                \
                    from_16_bits(bits.w, type));                                                                       \
    }
