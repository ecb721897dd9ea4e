// SPDX-License-Identifier: MIT
private import CDigest

/// The digest of bytes that come piece by piece, by OpenSSL. The only place that knows the library.
final class Digest {
    // Freed at the end of the one object that holds it.
    private let handle: OpaquePointer
    /// Which one.
    let kind: DigestKind

    /// - Parameter byteCount: of the whole content; git's number begins with it.
    /// - Throws: ``HubError`` (`missingLibrary`) with the name of the package.
    init(_ kind: DigestKind, byteCount: Int64) throws(HubError) {
        if let reason = cdigest_open() { throw HubError(.missingLibrary, String(cString: reason)) }
        guard let handle = cdigest_create(kind == .gitBlob ? 1 : 0) else {
            throw HubError(.missingLibrary, "libcrypto gives no \(kind.name)")
        }
        self.handle = handle
        self.kind = kind
        if kind == .gitBlob {
            var header = "blob \(byteCount)\0"
            header.withUTF8 { update(UnsafeRawBufferPointer($0)) }
        }
    }

    deinit { cdigest_destroy(handle) }

    func update(_ bytes: UnsafeRawBufferPointer) { cdigest_update(handle, bytes.baseAddress, bytes.count) }

    /// The digest in hexadecimal digits, lower case; may be asked for once.
    /// - Throws: ``HubError`` (`missingLibrary`) when the library failed on the way.
    func finish() throws(HubError) -> String {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = cdigest_finish(handle, &bytes)
        guard count > 0 else { throw HubError(.missingLibrary, "libcrypto failed to compute \(kind.name)") }
        return bytes.prefix(count).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
