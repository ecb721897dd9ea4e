// SPDX-License-Identifier: MIT
#ifndef CFILE_H
#define CFILE_H

#include <stdint.h>
// Extended attributes, which Swift's own module of the C library leaves out.
#include <sys/xattr.h>

/// Starts to write bytes of a file to its disk without waiting for it, so that a later fsync() finds little to do. A
/// hint.
void cfile_start_writing(int descriptor, int64_t offset, int64_t count);

#endif
