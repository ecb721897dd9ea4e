// SPDX-License-Identifier: MIT
internal import Glibc

/// A file as the file system knows it, whatever its names are.
struct FileIdentity: Hashable {
    private let device: UInt
    private let number: UInt

    /// nil for a path that is not there.
    init?(_ path: String) {
        var information = stat()
        guard stat(path, &information) == 0 else { return nil }
        self.init(information)
    }

    init(_ information: stat) {
        device = UInt(information.st_dev)
        number = UInt(information.st_ino)
    }
}
