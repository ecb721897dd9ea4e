// SPDX-License-Identifier: MIT
private import Glibc

/// What keys and values of a batch may take where the user does not say how large it is.
enum CacheBudget {
    /// A quarter of the machine's memory, at most 4 GiB.
    static var byteCount: Int {
        let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        guard pages > 0, size > 0 else { return 1 << 30 }
        return min(4 << 30, pages * size / 4)
    }
}
