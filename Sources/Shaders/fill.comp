#version 450
// SPDX-License-Identifier: MIT
// Writes the same bits to every element of a view.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_8bit_storage : require
#include "axes.glsl"
#include "elements.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
/// Bytes of an element.
layout(constant_id = 1) const uint SIZE = 4;
layout(push_constant) uniform Parameters {
    uint count, offset, bits;
    uint shape[RANK], stride[RANK];
}
p;
layout(set = 0, binding = 0) writeonly buffer Words {
    uint words[];
};
layout(set = 0, binding = 0) writeonly buffer Halves {
    uint16_t halves[];
};
layout(set = 0, binding = 0) writeonly buffer Bytes {
    uint8_t bytes[];
};

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.count)
        return;
    uint element;
    ELEMENT_OF(index, p.shape, p.stride, element)
    element += p.offset;
    if (SIZE == 4)
        words[element] = p.bits;
    else if (SIZE == 2)
        halves[element] = uint16_t(p.bits);
    else
        bytes[element] = uint8_t(p.bits);
}
