// SPDX-License-Identifier: MIT
//
// The CRC-32 of zip (polynomial 0x04C11DB7, bits reflected, inverted before and after) by carry-less multiplication.
#ifndef BEASTS_CRC32_FOLD_H
#define BEASTS_CRC32_FOLD_H

#include <stddef.h>
#include <stdint.h>

/// What this processor can do: 0 neither of the two functions below, 1 the narrow one, 2 both.
int32_t crc32_fold_level(void);

/// Continues a checksum, which begins as 0. `count` is a multiple of 16, at least 64; any alignment.
uint32_t crc32_fold_narrow(uint32_t checksum, const uint8_t *bytes, size_t count);

/// The same at twice the speed. `count` is a multiple of 16, at least 128.
uint32_t crc32_fold_wide(uint32_t checksum, const uint8_t *bytes, size_t count);

#endif
