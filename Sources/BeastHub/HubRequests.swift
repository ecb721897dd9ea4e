// SPDX-License-Identifier: MIT

/// The requests about one file: HEAD for what the hub knows of it, GET for its bytes. Redirects are followed by hand, so that
/// the token reaches the endpoint's own origin and no other. For one thread at a time.
final class HubRequests {
    /// As many as Python's client follows.
    private static let largestRedirectCount = 20
    /// What is read of the text that comes with an error, so that the connection can be kept.
    private static let largestIgnoredByteCount = 64 << 10

    let settings: HubSettings
    let file: HubFile
    let isStopped: () -> Bool
    let report: (TransferEvent) -> Void
    private let connection: Connection
    private let endpoint: Address
    private let reading: ReplyReading

    init(
        settings: HubSettings, file: HubFile, isStopped: @escaping () -> Bool,
        report: @escaping (TransferEvent) -> Void
    ) throws(HubError) {
        self.settings = settings
        self.file = file
        self.isStopped = isStopped
        self.report = report
        reading = ReplyReading(file: file, settings: settings)
        do throws(HubError) {
            connection = try Connection(connectSeconds: settings.metadataTimeout, certificates: settings.certificates)
        } catch {
            throw HubError(
                error.code, "\(file): cannot be downloaded: \(error)", repository: file.repository, file: file.file)
        }
        switch try Address.read(settings.endpoint) {
        case .success(let address): endpoint = address
        case .failure(let refusal):
            throw HubError(
                .usage,
                "HF_ENDPOINT is '\(reading.shown(HubSettings.withoutSecrets(settings.endpoint)))', which is no address of a hub: \(refusal.reason)"
            )
        }
    }

    // MARK: - HEAD

    /// Asks the hub about the file, again and again while the failure may pass.
    /// - Parameter retryCount: how often.
    func metadata(retryCount: Int) throws(HubError) -> RemoteFile {
        var remote: RemoteFile?
        try repeated(retryCount: retryCount, progress: { 0 }) { () throws(AttemptFailure) in
            remote = try ask()
        }
        guard let remote else { throw interrupted() }
        return remote
    }

    private func ask() throws(AttemptFailure) -> RemoteFile {
        var address = try follow(settings.endpoint + file.addressPath, from: nil)
        for _ in 0...Self.largestRedirectCount {
            var request = Connection.Request(address: address)
            request.isHead = true
            request.headers = headers(for: address)
            request.totalSeconds = settings.metadataTimeout
            let (end, reply) = connection.perform(request, body: { _, _ in true }, idle: { !isStopped() })
            try check(end, reply, what: "ask the hub at \(settings.endpoint)")
            if (300..<400).contains(reply.status) {
                let next = try follow(location(reply), from: address, status: reply.status)
                guard next.origin == endpoint.origin else { return try remoteFile(reply, address: next) }
                address = next
            } else if (200..<300).contains(reply.status) {
                return try remoteFile(reply, address: address)
            } else {
                throw reading.failure(reply, isOfHub: true, now: Waiting.now)
            }
        }
        throw endlessRedirects()
    }

    private func remoteFile(_ reply: HTTPHeaders, address: Address) throws(AttemptFailure) -> RemoteFile {
        guard let commit = reply["x-repo-commit"] else {
            throw bad(
                reply,
                "\(settings.endpoint) answers \(reply.status) without X-Repo-Commit, so it is no hub; is HF_ENDPOINT right?"
            )
        }
        guard HubName.isCommit(commit) else {
            throw bad(
                reply,
                "the hub names the commit '\(reading.shown(commit))', which is none (status \(reply.status)); is HF_ENDPOINT right?"
            )
        }
        guard let raw = reply["x-linked-etag"] ?? reply["etag"] else {
            throw bad(
                reply,
                "the hub answers \(reply.status) without an ETag, so the content has no name; is HF_ENDPOINT right?")
        }
        let etag = HTTPValue.etag(raw)
        guard HubName.isEtag(etag) else {
            throw bad(
                reply,
                "the hub's ETag '\(reading.shown(raw))' cannot be a file name (status \(reply.status)); is HF_ENDPOINT right?"
            )
        }
        let isElsewhere = address.origin != endpoint.origin
        var size: Int64?
        if let text = reply["x-linked-size"] ?? (isElsewhere ? nil : reply["content-length"]) {
            guard let value = HTTPValue.size(text) else {
                throw bad(
                    reply,
                    "the hub announces a size of '\(reading.shown(text))' bytes, which no file has (status \(reply.status)); is HF_ENDPOINT "
                        + "right?")
            }
            size = value
        }
        return RemoteFile(
            file: file, commit: commit, etag: etag, size: size,
            acceptsRanges: reply["accept-ranges"]?.lowercased() == "bytes", address: address.text,
            validator: isElsewhere ? nil : HTTPValue.validator(reply["etag"]))
    }

    // MARK: - GET

    /// Sends one GET and takes the reply, redirects followed.
    /// - Parameters:
    ///   - range: of `Range`, such as `bytes=5-`; nil for the whole file.
    ///   - validator: of `If-Range`.
    ///   - begin: told of a reply 200 or 206 before its first byte.
    ///   - body: takes its bytes.
    ///   - idle: called at least ten times a second.
    /// - Returns: the reply, whose status is 200, 206 or 416.
    func get(
        _ remote: RemoteFile, range: String?, validator: String?,
        begin: (HTTPHeaders) throws(AttemptFailure) -> Void,
        body: (UnsafeRawBufferPointer) throws(HubError) -> Void, idle: () throws(HubError) -> Void
    ) throws(AttemptFailure) -> HTTPHeaders {
        var address = try follow(remote.address, from: nil)
        for _ in 0...Self.largestRedirectCount {
            var request = Connection.Request(address: address)
            request.headers = headers(for: address)
            if let range {
                request.headers.append("Range: \(range)")
                if let validator { request.headers.append("If-Range: \(validator)") }
            }
            request.stallSeconds = settings.downloadTimeout
            var failure: AttemptFailure?
            var hasBegun = false
            var ignoredByteCount = 0
            let (end, reply) = connection.perform(
                request,
                body: { headers, bytes in
                    guard headers.status == 200 || headers.status == 206 else {
                        ignoredByteCount += bytes.count
                        return ignoredByteCount <= Self.largestIgnoredByteCount
                    }
                    do throws(AttemptFailure) {
                        if !hasBegun {
                            hasBegun = true
                            try begin(headers)
                        }
                        do throws(HubError) { try body(bytes) } catch { throw .final(error) }
                        return true
                    } catch {
                        failure = error
                        return false
                    }
                },
                idle: {
                    guard failure == nil, !isStopped() else { return false }
                    do throws(HubError) {
                        try idle()
                        return true
                    } catch {
                        failure = .final(error)
                        return false
                    }
                })
            if let failure { throw failure }
            let isSuccess = reply.status == 200 || reply.status == 206
            if case .stopped = end, ignoredByteCount > Self.largestIgnoredByteCount {
                // Enough was read to know that the text of an error is no file.
            } else if isSuccess || reply.status == 0 {
                try check(end, reply, what: "download")
            } else if isStopped() {
                throw .final(interrupted())
            } else if case .done = end {
                // A whole reply of another kind: told by its status.
            } else if case .broken = end {
                // Its status tells enough.
            } else {
                try check(end, reply, what: "download")
            }
            if isSuccess {
                if !hasBegun { try begin(reply) }
                return reply
            }
            if reply.status == 416 { return reply }
            guard (300..<400).contains(reply.status) else {
                throw reading.failure(reply, isOfHub: address.origin == endpoint.origin, now: Waiting.now)
            }
            address = try follow(location(reply), from: address, status: reply.status)
        }
        throw endlessRedirects()
    }

    // MARK: - Repetition

    /// Tries until it works, as often as the rule allows; waits in between, and says so.
    /// - Parameters:
    ///   - progress: a number that grows when an attempt achieved something; growth starts the count anew.
    ///   - renew: has a fresh address of the bytes.
    ///   - attempt: what is tried.
    func repeated(
        retryCount: Int, progress: () -> Int64, renew: () throws(AttemptFailure) -> Void = {},
        attempt: () throws(AttemptFailure) -> Void
    ) throws(HubError) {
        var rule = RetryRule(count: retryCount)
        var best = progress()
        var renewalCount = 0
        var needsRenewal = false
        while true {
            do throws(AttemptFailure) {
                if needsRenewal { try renew() }
                needsRenewal = false
                return try attempt()
            } catch {
                if progress() > best {
                    best = progress()
                    rule.reset()
                    renewalCount = 0
                }
                switch error {
                case .final(let error): throw error
                case .expired(let status):
                    renewalCount += 1
                    needsRenewal = true
                    guard renewalCount <= 2 else {
                        throw HubError(
                            .refused,
                            "\(file): the storage server refuses even a fresh address of the hub (\(status)); try again later",
                            repository: file.repository, file: file.file, status: status)
                    }
                case .passing(let failure): try wait(&rule, failure)
                }
            }
        }
    }

    private func wait(_ rule: inout RetryRule, _ failure: PassingFailure) throws(HubError) {
        let seconds: Double?
        do throws(RetryRule.WaitTooLong) {
            seconds = try rule.wait(after: failure)
        } catch {
            throw unreachable(
                failure,
                "it asks to wait \(error.seconds < 1e15 ? "\(Int64(error.seconds))" : "endless") seconds; try again then"
            )
        }
        guard let seconds else {
            let tries = rule.count == 0 ? "nothing was tried again" : "tried \(rule.count + 1) times"
            throw unreachable(failure, "\(tries); try again later: what has come is kept")
        }
        report(.retrying(reason: reading.shown(failure.reason), seconds: seconds))
        guard Waiting.sleep(seconds: seconds * settings.secondLength, isStopped: isStopped) else { throw interrupted() }
    }

    private func unreachable(_ failure: PassingFailure, _ remedy: String) -> HubError {
        HubError(
            .unreachable, "\(file): \(reading.shown(failure.reason)); \(remedy)", repository: file.repository,
            file: file.file, status: failure.status)
    }

    // MARK: - Parts

    private func headers(for address: Address) -> [String] {
        var headers = ["Accept-Encoding: identity"]
        if address.origin == endpoint.origin, let token = settings.token {
            headers.append("Authorization: Bearer \(token.value)")
        }
        return headers
    }

    private func location(_ reply: HTTPHeaders) throws(AttemptFailure) -> String {
        guard let location = reply["location"] else {
            throw bad(reply, "the server answers \(reply.status) and does not say where else to look; try again later")
        }
        return location
    }

    /// Reads an address, and refuses one that would leave encryption.
    private func follow(_ text: String, from base: Address?, status: Int? = nil) throws(AttemptFailure) -> Address {
        let result: Result<Address, Address.Refusal>
        do throws(HubError) { result = try Address.read(text, from: base) } catch { throw .final(error) }
        switch result {
        case .success(let address):
            guard address.isEncrypted || !endpoint.isEncrypted else {
                throw .final(
                    HubError(
                        .badReply,
                        "\(file): the hub sends to \(address.origin), which is not encrypted\(words(status)); that is refused: "
                            + "try again later, or tell whoever runs the hub",
                        repository: file.repository, file: file.file, status: status))
            }
            return address
        case .failure(let refusal):
            throw .final(
                HubError(
                    .badReply,
                    "\(file): the hub sends to an address that cannot be followed\(words(status)): \(refusal.reason); try again "
                        + "later, or tell whoever runs the hub", repository: file.repository, file: file.file,
                    status: status
                ))
        }
    }

    private func words(_ status: Int?) -> String { status.map { " (status \($0))" } ?? "" }

    /// Turns a transfer that did not end by itself into its failure.
    private func check(_ end: Connection.End, _ reply: HTTPHeaders, what: String) throws(AttemptFailure) {
        switch end {
        case .done: return
        case .stopped: throw .final(interrupted())
        case .flooded:
            throw bad(reply, "the server's reply has more header lines than anybody means; is HF_ENDPOINT right?")
        case .broken(let words): throw .passing(PassingFailure(reason: "cannot \(what): \(words)"))
        case .final(let words):
            throw .final(
                reading.error(
                    .unreachable, reply,
                    "\(file): cannot \(what): \(reading.shown(words)); check the address, "
                        + "certificates and proxy settings"))
        }
    }

    private func bad(_ reply: HTTPHeaders, _ message: String) -> AttemptFailure {
        .final(reading.error(.badReply, reply, "\(file): \(message)"))
    }

    private func endlessRedirects() -> AttemptFailure {
        .final(
            HubError(
                .badReply, "\(file): more than \(Self.largestRedirectCount) redirects; is HF_ENDPOINT right?",
                repository: file.repository, file: file.file))
    }

    func interrupted() -> HubError {
        HubError(
            .interrupted, "\(file): interrupted; what has come is kept, and the same command goes on from there",
            repository: file.repository, file: file.file)
    }
}
