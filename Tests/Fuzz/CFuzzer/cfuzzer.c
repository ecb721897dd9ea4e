// SPDX-License-Identifier: MIT
#include "cfuzzer.h"
