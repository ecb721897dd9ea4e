// SPDX-License-Identifier: MIT
// sync_file_range() is Linux's own.
#define _GNU_SOURCE
#include "cfile.h"

#include <fcntl.h>

void cfile_start_writing(int descriptor, int64_t offset, int64_t count) {
    (void)!sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}
