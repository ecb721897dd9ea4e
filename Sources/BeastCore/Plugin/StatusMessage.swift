// SPDX-License-Identifier: MIT
internal import CBeasts

// The fixed character arrays of the contract, read and written without trust: always ended by a zero byte when written,
// never read beyond their end, and cleaned of what could upset a terminal.

/// Writes as much of `text` as fits, whole characters only, and a zero byte.
func writeText<Buffer>(_ text: String, to buffer: inout Buffer) {
    withUnsafeMutableBytes(of: &buffer) { bytes in
        var count = 0
        for scalar in text.unicodeScalars {
            let encoded = Array(String(scalar).utf8)
            guard count + encoded.count < bytes.count else { break }
            for byte in encoded {
                bytes[count] = byte
                count += 1
            }
        }
        bytes[count] = 0
    }
}

/// Reads up to the first zero byte or the end. Control characters become spaces, broken UTF-8 is repaired.
func readText<Buffer>(_ buffer: Buffer) -> String {
    withUnsafeBytes(of: buffer) { bytes in cleaned(bytes.prefix { $0 != 0 }) }
}

/// Reads a zero-ended string of at most 1,000 bytes that a plugin owns.
func readText(_ pointer: UnsafePointer<CChar>?) -> String? {
    guard let pointer else { return nil }
    var bytes: [UInt8] = []
    while bytes.count < 1000, pointer[bytes.count] != 0 { bytes.append(UInt8(bitPattern: pointer[bytes.count])) }
    return cleaned(bytes)
}

private func cleaned(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7f ? 0x20 : $0 }, as: UTF8.self)
}

extension beasts_status {
    static var empty: beasts_status { sized { _ in } }

    /// Fills in a status the caller owns, which may be shorter than ours.
    static func report(_ error: BackendError, to status: UnsafeMutablePointer<beasts_status>?) -> Int32 {
        guard let status else { return error.code.rawValue }
        var filled: beasts_status = sized { $0.code = error.code.rawValue }
        writeText(error.message, to: &filled.message)
        let size = min(Int(status.pointee.struct_size), MemoryLayout<beasts_status>.size)
        guard size > MemoryLayout<UInt32>.size else { return error.code.rawValue }
        filled.struct_size = status.pointee.struct_size
        withUnsafeBytes(of: filled) {
            UnsafeMutableRawPointer(status).copyMemory(from: $0.baseAddress!, byteCount: size)
        }
        UnsafeMutableRawPointer(status).storeBytes(of: 0, toByteOffset: size - 1, as: UInt8.self)
        return error.code.rawValue
    }
}
