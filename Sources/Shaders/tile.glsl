// SPDX-License-Identifier: MIT
// Products in tiles of shared memory, for GPUs. The including file fetches the left factor, this one multiplies.
layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 256;
layout(constant_id = 10) const uint TILE_ROWS = 64;
layout(constant_id = 11) const uint TILE_COLUMNS = 64;
layout(constant_id = 12) const uint TILE_INNER = 16;
layout(constant_id = 13) const uint ROWS = 4;
layout(constant_id = 14) const uint COLUMNS = 4;
/// Whether neighbours in memory are neighbours along the inner axis: they are fetched by neighbouring invocations.
layout(constant_id = 15) const bool LEFT_IS_INNER = true;
layout(constant_id = 16) const bool RIGHT_IS_INNER = true;

// One more than a tile, so that walking down a column meets other banks.
shared float left_tile[TILE_INNER * (TILE_ROWS + 1)];
shared float right_tile[TILE_INNER * (TILE_COLUMNS + 1)];

float sums[ROWS * COLUMNS];

/// The place of this invocation; it owns every (TILE_ROWS / ROWS)-th row and (TILE_COLUMNS / COLUMNS)-th column from
/// there on.
uvec2 place() {
    uint across = TILE_COLUMNS / COLUMNS;
    return uvec2(gl_LocalInvocationID.x / across, gl_LocalInvocationID.x % across);
}

void multiply_tiles() {
    uvec2 place = place();
    for (uint k = 0; k < TILE_INNER; k++) {
        float left[ROWS], right[COLUMNS];
        for (uint i = 0; i < ROWS; i++)
            left[i] = left_tile[k * (TILE_ROWS + 1) + place.x + i * (TILE_ROWS / ROWS)];
        for (uint j = 0; j < COLUMNS; j++)
            right[j] = right_tile[k * (TILE_COLUMNS + 1) + place.y + j * (TILE_COLUMNS / COLUMNS)];
        for (uint i = 0; i < ROWS; i++)
            for (uint j = 0; j < COLUMNS; j++)
                sums[i * COLUMNS + j] = fma(left[i], right[j], sums[i * COLUMNS + j]);
    }
}
