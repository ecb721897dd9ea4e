#version 450
// SPDX-License-Identifier: MIT
// Rows of a table by number, bit for bit. The first number outside of the table that is met is left in `fault`.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_8bit_storage : require
#include "elements.glsl"
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64;
/// Bytes of an element.
layout(constant_id = 1) const uint SIZE = 4;
layout(push_constant) uniform Parameters {
    uint count, columns, table_rows, offset_output, offset_table, offset_indices;
    uint output_stride, table_stride, index_stride;
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
layout(set = 0, binding = 1) readonly buffer TableWords {
    uint table_32[];
};
layout(set = 0, binding = 1) readonly buffer TableHalves {
    uint16_t table_16[];
};
layout(set = 0, binding = 1) readonly buffer TableBytes {
    uint8_t table_8[];
};
layout(set = 0, binding = 2) readonly buffer Indices {
    int indices[];
};
/// Whether there was one, which, where.
layout(set = 0, binding = 3) buffer Fault {
    uint is_set;
    int number;
    uint position;
    uint table_rows;
}
fault;

void main() {
    uint index = group_number() * GROUP + gl_LocalInvocationID.x;
    if (index >= p.count)
        return;
    uint row = index / p.columns, column = index % p.columns;
    int number = indices[p.offset_indices + row * p.index_stride];
    if (number < 0 || uint(number) >= p.table_rows) {
        if (atomicCompSwap(fault.is_set, 0u, 1u) == 0u) {
            fault.number = number;
            fault.position = row;
            fault.table_rows = p.table_rows;
        }
        return;
    }
    uint target = p.offset_output + row * p.output_stride + column;
    uint source = p.offset_table + uint(number) * p.table_stride + column;
    if (SIZE == 4)
        output_32[target] = table_32[source];
    else if (SIZE == 2)
        output_16[target] = table_16[source];
    else
        output_8[target] = table_8[source];
}
