#version 450
// SPDX-License-Identifier: MIT
// A convolution as gemm_register.comp multiplies: a row is a position, the inner axis runs over taps and channels. With
// groups each lane fetches the channels of its own.
#extension GL_GOOGLE_include_directive : require
#define USES_TEXELS
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 8;
layout(constant_id = 10) const uint ROWS = 16;
/// Times four columns; 1 with groups, which four columns must not straddle.
layout(constant_id = 11) const uint COLUMNS = 2;
/// Whether the channels of a group are a multiple of four.
layout(constant_id = 12) const bool IS_WHOLE = true;
layout(constant_id = 13) const bool IS_GROUPED = false;
/// Whether pixels are fetched by four channels.
layout(constant_id = 15) const bool LEFT_BY_FOUR = true;
#include "convolution.glsl"

const uint FETCHES = (ROWS + GROUP - 1) / GROUP;

/// Four channels from c on, of the pixel at `source`; zeros behind the last channel and where there is no pixel.
vec4 pixel_of(uint source, uint c, bool is_there) {
    vec4 elements;
    if (LEFT_BY_FOUR)
        elements = load4_left((source + c) / 4);
    else {
        uvec4 places = source + min(uvec4(c, c + 1, c + 2, c + 3), p.group_channels - 1);
        elements = vec4(load_left(places.x), load_left(places.y), load_left(places.z), load_left(places.w));
    }
    bvec4 is_inside = lessThan(uvec4(c, c + 1, c + 2, c + 3), uvec4(IS_WHOLE ? 0xffffffffu : p.group_channels));
    return mix(vec4(0), elements, is_there ? is_inside : bvec4(false));
}

/// The position of a row, which one of the lanes knows.
uvec4 position_of_row(uvec4 positions[FETCHES], uint i) {
    uvec4 position = positions[i / GROUP];
    return uvec4(subgroupShuffle(position.x, i % GROUP), subgroupShuffle(position.y, i % GROUP),
                 subgroupShuffle(position.z, i % GROUP), subgroupShuffle(position.w, i % GROUP));
}

void main() {
    uint lane = gl_SubgroupInvocationID, first_row = gl_WorkGroupID.y * ROWS + p.first_row;
    // What lies beyond the edge is computed from the last row and column, and not stored.
    uvec4 positions[FETCHES];
    [[unroll]] for (uint f = 0; f < FETCHES; f++) positions[f] =
        position_of(min(first_row + f * GROUP + lane, p.rows - 1));
    uint column[COLUMNS], right[COLUMNS * 4];
    [[unroll]] for (uint q = 0; q < COLUMNS; q++) {
        column[q] = ((gl_WorkGroupID.x * COLUMNS + q) * GROUP + lane) * 4;
        [[unroll]] for (uint j = 0; j < 4; j++) right[q * 4 + j] =
            p.offset_right + min(column[q] + j, p.columns - 1) * p.right_row;
    }
    uint channel = IS_GROUPED ? min(column[0], p.columns - 1) / p.group_columns * p.group_channels : 0;
    vec4 sums[ROWS * COLUMNS];
    [[unroll]] for (uint i = 0; i < ROWS * COLUMNS; i++) sums[i] = vec4(0);
    const uint SOURCES = IS_GROUPED ? ROWS : FETCHES;
    for (uint t = 0; t < KERNEL_TIME; t++)
        for (uint y = 0; y < KERNEL_HEIGHT; y++)
            for (uint x = 0; x < KERNEL_WIDTH; x++) {
                uint sources[SOURCES];
                bool are_there[SOURCES];
                [[unroll]] for (uint i = 0; i < SOURCES; i++) {
                    uvec4 position = IS_GROUPED ? position_of_row(positions, i) : positions[i];
                    sources[i] = source_of(position, uvec3(t, y, x), are_there[i]) + channel;
                }
                for (uint c = 0; c < p.group_channels; c += 4) {
                    uint tap = t * p.right_frame + y * p.right_line + x * p.right_tap + c;
                    vec4 pixels[SOURCES];
                    [[unroll]] for (uint i = 0; i < SOURCES; i++) pixels[i] = pixel_of(sources[i], c, are_there[i]);
                    vec4 factors[4 * COLUMNS];
                    [[unroll]] for (uint q = 0; q < COLUMNS; q++) {
                        mat4 fours = transpose(
                            mat4(load4_right((right[q * 4] + tap) / 4), load4_right((right[q * 4 + 1] + tap) / 4),
                                 load4_right((right[q * 4 + 2] + tap) / 4), load4_right((right[q * 4 + 3] + tap) / 4)));
                        [[unroll]] for (uint j = 0; j < 4; j++) factors[q * 4 + j] = fours[j];
                    }
                    [[unroll]] for (uint i = 0; i < ROWS; i++) {
                        vec4 pixel = pixels[IS_GROUPED ? i : i / GROUP];
                        if (!IS_GROUPED)
                            pixel = vec4(subgroupShuffle(pixel.x, i % GROUP), subgroupShuffle(pixel.y, i % GROUP),
                                         subgroupShuffle(pixel.z, i % GROUP), subgroupShuffle(pixel.w, i % GROUP));
                        [[unroll]] for (uint q = 0; q < COLUMNS; q++) {
                            vec4 sum = fma(vec4(pixel.x), factors[q * 4], sums[i * COLUMNS + q]);
                            sum = fma(vec4(pixel.y), factors[q * 4 + 1], sum);
                            sum = fma(vec4(pixel.z), factors[q * 4 + 2], sum);
                            sums[i * COLUMNS + q] = fma(vec4(pixel.w), factors[q * 4 + 3], sum);
                        }
                    }
                }
            }
    [[unroll]] for (uint q = 0; q < COLUMNS; q++) {
        vec4 bias = bias_of(column[q]);
        [[unroll]] for (uint i = 0; i < ROWS; i++) {
            uvec2 target = target_of(position_of_row(positions, i)) + column[q];
            if (first_row + i < p.rows)
                finish4(sums[i * COLUMNS + q], bias, column[q], target.x, target.y);
        }
    }
}
