// SPDX-License-Identifier: MIT
// The part of zlib that is used: crc32_combine.
#include <zlib.h>
