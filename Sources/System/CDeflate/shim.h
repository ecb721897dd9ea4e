// SPDX-License-Identifier: MIT
// The part of libdeflate that is used: libdeflate_crc32.
#include <libdeflate.h>
