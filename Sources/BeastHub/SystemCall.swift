// SPDX-License-Identifier: MIT
private import Glibc

/// The system's words for an error number.
enum SystemCall {
    static func reason(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }
}
