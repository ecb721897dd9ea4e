// SPDX-License-Identifier: MIT

/// Reads parts of a remote file by Range requests, with If-Range, retries, and a new address when a signed one expires.
///
/// For one thread at a time. One connection is kept between calls.
public final class RangeReader {
    /// Bytes of a file: `offset ..< offset + count`.
    public struct ByteRange: Sendable, Hashable {
        /// The first byte, 0 or more.
        public var offset: Int64
        /// How many, 1 or more.
        public var count: Int64

        public init(offset: Int64, count: Int64) {
            self.offset = offset
            self.count = count
        }
    }

    /// The file whose parts are read.
    public private(set) var remote: RemoteFile
    /// Bytes that came over the network so far, those of failed attempts included.
    public private(set) var receivedByteCount: Int64 = 0

    private let client: HubClient

    init(client: HubClient, remote: RemoteFile) {
        self.client = client
        self.remote = remote
    }

    /// Reads ranges one after the other, a request each; bring near ones together before.
    /// - Parameters:
    ///   - ranges: within the file; a range beyond its end is a `usage` error.
    ///   - isStopped: asked many times a second; when true, the call ends with `interrupted`.
    ///   - report: retries and warnings; and `progress`, whose `done` counts the bytes of all ranges of this call and whose
    ///     `size` is their sum.
    ///   - consume: takes bytes that follow each other within a range, and the position in the file of the first of them.
    ///     Each byte of each range is given exactly once. What it throws ends the call as the `cause` of an `inputOutput` error.
    /// - Throws: ``HubError``: `noRanges` when the server answers with the whole file although it is unchanged, `changed` when
    ///   it is another file than ``remote`` says, otherwise as ``HubClient/fetch(_:policy:isStopped:report:)``.
    public func read(
        _ ranges: [ByteRange], isStopped: @escaping () -> Bool = { false },
        report: @escaping (TransferEvent) -> Void = { _ in },
        consume: @escaping (_ offset: Int64, _ bytes: UnsafeRawBufferPointer) throws -> Void
    ) throws(HubError) {
        throw HubError(.missingLibrary, "not built yet")
    }
}
