// SPDX-License-Identifier: MIT
#include <webp/decode.h>
