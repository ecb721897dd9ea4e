// SPDX-License-Identifier: MIT
public import BeastHub

/// Brings the files of models into the hub cache.
public struct PullJob: Sendable {
    /// Names of the ``Catalogue``.
    public var models: [String]
    public var access: HubAccess
    /// Whether files are downloaded again that are here.
    public var replaces = false
    /// Whether files that are here are held against the digests that the hub names. What is downloaded always is.
    public var verifies = false

    public init(models: [String], access: HubAccess) {
        self.models = models
        self.access = access
    }

    /// A file that is in the cache now.
    public struct PulledFile: Sendable {
        public let file: HubFile
        public let fetched: HubClient.FetchedFile
        /// Whether its bytes were held against the hub's digest in this run; false where the name is no digest, too.
        public let isVerified: Bool
    }

    /// Does it.
    /// - Returns: the files, each once, in the order of the models. Built-in models have none.
    /// - Throws: ``MenagerieError`` for an unknown name; `HubError`. What has come by then stays.
    public func run() throws -> [PulledFile] {
        let files = try self.files()
        let settings = try access.settings()
        let client = HubClient(settings: settings)
        let downloads = FileDownloads(
            client: client, policy: replaces ? .again : .current, report: access.report)
        let fetched = try downloads.fetch(files)
        return try zip(files, fetched).map { file, fetched in
            PulledFile(file: file, fetched: fetched, isVerified: try isVerified(file, fetched, client))
        }
    }

    /// The files that are wanted, each once.
    /// - Throws: ``MenagerieError`` for an unknown name; `HubError` for a revision that cannot be one.
    public func files() throws -> [HubFile] {
        var seen: Set<HubFile> = []
        return try models.flatMap { try Catalogue.hubFiles(of: $0, revision: access.revision) }.filter {
            seen.insert($0).inserted
        }
    }

    private func isVerified(
        _ file: HubFile, _ fetched: HubClient.FetchedFile, _ client: HubClient
    ) throws -> Bool {
        guard verifies, !fetched.isVerified, fetched.receivedByteCount == 0 else { return fetched.isVerified }
        let etag = try fetched.etag ?? askedEtag(of: file, at: fetched.commit, client)
        switch try FileCheck.check(fetched.path, etag: etag) {
        case .right: return true
        case .unknown:
            let text =
                "\(file): it could not be verified, since the ETag '\(etag)' that the hub names it by is no digest"
            access.report(DownloadEvent(file: file, kind: .transfer(.warning(text))))
            return false
        case .wrong(let expected, let found):
            throw HubError(
                .corrupted,
                "\(file): the copy in the cache is damaged: the digest of \(fetched.path) is \(found), the hub says \(expected); "
                    + "beasts pull --force downloads it again",
                repository: file.repository, file: file.file)
        }
    }

    /// What the hub names the content by, of a file that was taken from the cache without asking.
    private func askedEtag(of file: HubFile, at commit: String, _ client: HubClient) throws -> String {
        if let reason = client.settings.offlineReason {
            throw HubError(
                .offline, "\(file): it cannot be verified, since \(reason) forbids to ask the hub for its digest",
                repository: file.repository, file: file.file)
        }
        let exact = try HubFile(repository: file.repository, file: file.file, revision: commit)
        return try client.metadata(
            of: exact, report: { event in access.report(DownloadEvent(file: file, kind: .transfer(event))) }
        ).etag
    }
}
