// SPDX-License-Identifier: MIT

/// Brings the bytes of a file into its partial file, over as many connections as it takes. For one thread at a time.
final class FileDownload {
    /// How long bytes may stay in memory only.
    private static let flushInterval = Duration.milliseconds(100)

    private let requests: HubRequests
    private let partial: PartialFile
    private(set) var remote: RemoteFile
    /// What `If-Range` says: the bytes that are here are of this file.
    private var validator: String?
    private var lastFlush = ContinuousClock.now
    /// Bytes that came over the network.
    private(set) var receivedByteCount: Int64 = 0
    /// Whether the bytes that are here came in more than one piece.
    private(set) var isPieced: Bool
    /// Whether the next request asks for the whole file. What is here stays until such a reply has really begun.
    private var avoidsRanges = false
    /// Of the reply whose bytes are coming.
    private var status: Int?

    init(_ remote: RemoteFile, into partial: PartialFile, requests: HubRequests) {
        self.remote = remote
        self.partial = partial
        self.requests = requests
        validator = partial.validator ?? remote.validator
        isPieced = partial.count > 0
    }

    /// Downloads what is missing.
    /// - Throws: ``HubError``; `changed` when the hub has another file by now.
    func run() throws(HubError) {
        var isDone = remote.size == partial.count
        guard !isDone else { return }
        let partial = partial
        try requests.repeated(
            retryCount: requests.settings.retryCount, progress: { partial.count },
            renew: { () throws(AttemptFailure) in try renew() },
            attempt: { () throws(AttemptFailure) in
                while !isDone { isDone = try attempt() }
            })
        tellProgress()
    }

    /// Forgets all bytes.
    func restart(_ reason: String) throws(HubError) {
        try partial.restart()
        isPieced = false
        requests.report(.restarted(reason: reason))
    }

    /// - Returns: whether everything is here; false to try at once again.
    private func attempt() throws(AttemptFailure) -> Bool {
        let start = partial.count
        let reply: HTTPHeaders
        do throws(AttemptFailure) {
            reply = try requests.get(
                remote, range: start > 0 && !avoidsRanges ? "bytes=\(start)-" : nil, validator: validator,
                begin: { headers throws(AttemptFailure) in try begin(headers, from: start) },
                body: { bytes throws(HubError) in
                    receivedByteCount += Int64(bytes.count)
                    try partial.append(bytes, status: status)
                }, idle: { () throws(HubError) in try rest() })
        } catch {
            try finally { () throws(HubError) in try partial.flush() }
            isPieced = isPieced || partial.count > 0
            // A connection that breaks behind the last byte broke too late to matter.
            if case .passing = error, remote.size == partial.count { return true }
            throw error
        }
        try finally { () throws(HubError) in try partial.flush() }
        if reply.status == 416 { return try finish416(reply) }
        if let size = remote.size, partial.count < size {
            isPieced = true
            throw .passing(
                PassingFailure(
                    reason: "the reply ended after \(partial.count) of \(size) bytes", status: reply.status))
        }
        return true
    }

    /// Looks at a reply before its first byte is taken.
    private func begin(_ headers: HTTPHeaders, from start: Int64) throws(AttemptFailure) {
        if let encoding = headers["content-encoding"], encoding.lowercased() != "identity" {
            throw bad(
                headers, "the server sends the bytes encoded although it was asked not to; is a proxy in between?")
        }
        if let text = headers["content-length"], HTTPValue.size(text) == nil {
            throw bad(headers, "the server announces \(text.prefix(100)) bytes, which no file has")
        }
        status = headers.status
        let found = HTTPValue.validator(headers["etag"])
        if headers.status == 206 {
            let range = headers["content-range"].flatMap(HTTPValue.contentRange)
            guard start > 0, !avoidsRanges, let range, range.first == start else {
                avoidsRanges = true
                throw .passing(
                    PassingFailure(reason: "the server sends another part than it was asked for", status: 206))
            }
            if let size = remote.size, let total = range.total, total != size { throw changed(headers, total) }
            if let validator, let found, found != validator {
                avoidsRanges = true
                throw .passing(
                    PassingFailure(
                        reason: "the server sends a part of another file than before: its ETag is not the same",
                        status: 206))
            }
            isPieced = true
            validator = found ?? validator
        } else {
            if let size = remote.size, let length = headers["content-length"].flatMap(HTTPValue.size), length != size {
                throw changed(headers, length)
            }
            if start > 0 { try finally { () throws(HubError) in try restart("the server sends the whole file again") } }
            avoidsRanges = false
            validator = found
        }
        partial.validator = validator
    }

    private func finish416(_ reply: HTTPHeaders) throws(AttemptFailure) -> Bool {
        let total = reply["content-range"].flatMap(HTTPValue.unsatisfiedRange)
        if total == partial.count, remote.size ?? partial.count == partial.count { return true }
        guard !avoidsRanges else { throw bad(reply, "the server refuses to send even the whole file") }
        avoidsRanges = true
        return false
    }

    /// Between two looks at the network.
    private func rest() throws(HubError) {
        let now = ContinuousClock.now
        guard now - lastFlush >= Self.flushInterval else { return }
        lastFlush = now
        try partial.flush()
        tellProgress()
    }

    private func tellProgress() { requests.report(.progress(done: partial.count, size: remote.size)) }

    /// Has a fresh address.
    private func renew() throws(AttemptFailure) {
        try finally { () throws(HubError) in
            let fresh = try requests.metadata(retryCount: requests.settings.retryCount)
            guard fresh.etag == remote.etag, fresh.size == remote.size else {
                throw HubError(
                    .changed, "\(remote.file): the hub has another file by now", repository: remote.file.repository,
                    file: remote.file.file)
            }
            remote = fresh
        }
    }

    private func changed(_ headers: HTTPHeaders, _ found: Int64) -> AttemptFailure {
        .final(
            HubError(
                .changed,
                "\(remote.file): the server has \(found) bytes, the hub announced \(remote.size ?? 0); try again later, or tell "
                    + "whoever runs the hub",
                repository: remote.file.repository, file: remote.file.file, status: headers.status))
    }

    private func bad(_ headers: HTTPHeaders, _ message: String) -> AttemptFailure {
        .final(
            HubError(
                .badReply, "\(remote.file): \(message) (status \(headers.status))", repository: remote.file.repository,
                file: remote.file.file, status: headers.status))
    }
}

/// Runs what can only fail for good.
func finally(_ body: () throws(HubError) -> Void) throws(AttemptFailure) {
    do throws(HubError) { try body() } catch { throw .final(error) }
}
