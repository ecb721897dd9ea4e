// SPDX-License-Identifier: MIT
// The part of zlib that the weight readers use: crc32_z.
#include <zlib.h>
