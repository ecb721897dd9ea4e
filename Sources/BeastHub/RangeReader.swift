// SPDX-License-Identifier: MIT

/// Reads parts of a remote file by Range requests, with If-Range, retries, and a new address when a signed one expires.
///
/// For one thread at a time. One connection is kept between the ranges of a call.
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
    /// The server's name of the bytes: every part must be of the same file.
    private var validator: String?

    init(client: HubClient, remote: RemoteFile) {
        self.client = client
        self.remote = remote
        validator = remote.validator
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
        consume: (_ offset: Int64, _ bytes: UnsafeRawBufferPointer) throws -> Void
    ) throws(HubError) {
        if let reason = client.settings.offlineReason {
            throw error(.offline, "parts of it cannot be read: \(reason) forbids the network")
        }
        for range in ranges {
            let (end, overflow) = range.offset.addingReportingOverflow(range.count)
            guard range.offset >= 0, range.count >= 1, !overflow, end <= remote.size ?? .max else {
                throw error(
                    .usage,
                    "bytes \(range.offset) to \(end) were asked for, it has \(remote.size.map { "\($0)" } ?? "?")")
            }
        }
        let requests = try HubRequests(
            settings: client.settings, file: remote.file, isStopped: isStopped, report: report)
        let total = ranges.reduce(Int64(0)) { $0.addingReportingOverflow($1.count).partialValue }
        var done: Int64 = 0
        for range in ranges {
            let start = done
            try requests.repeated(
                retryCount: client.settings.retryCount, progress: { done },
                renew: { () throws(AttemptFailure) in try renew(requests) },
                attempt: { () throws(AttemptFailure) in
                    let left = ByteRange(offset: range.offset + (done - start), count: range.count - (done - start))
                    guard left.count > 0 else { return }
                    try read(left, requests, consume: consume, advance: { done += $0 }) {
                        report(.progress(done: done, size: total))
                    }
                    guard done - start == range.count else {
                        throw .passing(
                            PassingFailure(reason: "the reply ended after \(done - start) of \(range.count) bytes"))
                    }
                })
        }
        report(.progress(done: done, size: total))
    }

    private func read(
        _ range: ByteRange, _ requests: HubRequests,
        consume: (_ offset: Int64, _ bytes: UnsafeRawBufferPointer) throws -> Void, advance: (Int64) -> Void,
        idle: () -> Void
    ) throws(AttemptFailure) {
        var offset = range.offset
        let end = range.offset + range.count
        let reply = try requests.get(
            remote, range: "bytes=\(range.offset)-\(end - 1)", validator: validator,
            begin: { headers throws(AttemptFailure) in try begin(headers, range) },
            body: { bytes throws(HubError) in
                receivedByteCount += Int64(bytes.count)
                guard offset + Int64(bytes.count) <= end else {
                    throw error(
                        .badReply,
                        "the server sends more than the part that was asked for (status 206); try again later",
                        status: 206)
                }
                do {
                    try consume(offset, bytes)
                } catch let failure as HubError {
                    throw failure
                } catch let failure {
                    throw error(.inputOutput, "its bytes could not be taken: \(failure)", cause: failure)
                }
                offset += Int64(bytes.count)
                advance(Int64(bytes.count))
            }, idle: { () throws(HubError) in idle() })
        guard reply.status != 416 else {
            throw .final(error(.changed, "the server says that it is shorter than the hub announced", status: 416))
        }
    }

    /// Looks at a reply before its first byte is taken.
    private func begin(_ headers: HTTPHeaders, _ range: ByteRange) throws(AttemptFailure) {
        if let encoding = headers["content-encoding"], encoding.lowercased() != "identity" {
            throw .final(
                error(
                    .badReply,
                    "the server sends the bytes encoded although it was asked not to (status \(headers.status)); is a proxy in "
                        + "between?", status: headers.status))
        }
        if let text = headers["content-length"], HTTPValue.size(text) == nil {
            throw .final(
                error(
                    .badReply,
                    "the server announces \(text.prefix(100)) bytes (status \(headers.status)), which no file has; try again later",
                    status: headers.status))
        }
        let found = HTTPValue.validator(headers["etag"])
        if let validator, let found, found != validator {
            throw .final(
                error(.changed, "it changed on the server between two requests; try again", status: headers.status))
        }
        guard headers.status == 206 else {
            if let length = headers["content-length"].flatMap(HTTPValue.size), let size = remote.size, length != size {
                throw .final(
                    error(.changed, "the server has \(length) bytes, the hub announced \(size)", status: headers.status)
                )
            }
            throw .final(error(.noRanges, "the server sends the whole file only", status: headers.status))
        }
        guard let part = headers["content-range"].flatMap(HTTPValue.contentRange), part.first == range.offset,
            part.last == range.offset + range.count - 1
        else {
            throw .passing(PassingFailure(reason: "the server sends another part than it was asked for", status: 206))
        }
        if let total = part.total, let size = remote.size, total != size {
            throw .final(error(.changed, "the server has \(total) bytes, the hub announced \(size)", status: 206))
        }
        validator = found ?? validator
    }

    private func renew(_ requests: HubRequests) throws(AttemptFailure) {
        try finally { () throws(HubError) in
            let fresh = try requests.metadata(retryCount: client.settings.retryCount)
            guard fresh.etag == remote.etag, fresh.size == remote.size else {
                throw error(.changed, "the hub has another file by now; try again")
            }
            remote = fresh
        }
    }

    private func error(
        _ code: HubError.Code, _ message: String, status: Int? = nil, cause: (any Error)? = nil
    ) -> HubError {
        HubError(
            code, "\(remote.file): \(message)", repository: remote.file.repository, file: remote.file.file,
            status: status, cause: cause)
    }
}
