internal import BeastHub
// SPDX-License-Identifier: MIT
internal import BeastThreads

/// Has several files from the hub side by side, a thread each.
struct FileDownloads: Sendable {
    /// More would only share the line among more.
    private static let largestThreadCount = 4

    let client: HubClient
    let policy: HubClient.CachePolicy
    let report: @Sendable (DownloadEvent) -> Void

    /// Has them.
    /// - Returns: the files in the order they were asked for.
    /// - Throws: `HubError`, the first in that order; the others are had nevertheless.
    func fetch(_ files: [HubFile]) throws -> [HubClient.FetchedFile] {
        let results = files.count < 2 ? files.map(fetchOne) : fetchTogether(files)
        let failureCount = results.filter { if case .failure = $0 { true } else { false } }.count
        return try results.map { result in
            switch result {
            case .success(let file): return file
            case .failure(let error): throw failureCount > 1 ? error.of(failureCount) : error
            }
        }
    }

    private func fetchOne(_ file: HubFile) -> Result<HubClient.FetchedFile, HubError> {
        do throws(HubError) {
            let found = try client.fetch(
                file, policy: policy,
                report: { event in report(DownloadEvent(file: file, kind: .transfer(event))) })
            report(DownloadEvent(file: file, kind: .finished(found)))
            return .success(found)
        } catch {
            report(DownloadEvent(file: file, kind: .failed))
            return .failure(error)
        }
    }

    private func fetchTogether(_ files: [HubFile]) -> [Result<HubClient.FetchedFile, HubError>] {
        let queue = Queue(count: files.count)
        var threadCount = 0
        for _ in 0..<min(files.count, Self.largestThreadCount) {
            let isStarted = startThread {
                while let index = queue.next() { queue.finish(index, fetchOne(files[index])) }
            }
            if isStarted { threadCount += 1 }
        }
        // Without a single thread, this one does it all.
        if threadCount == 0 { while let index = queue.next() { queue.finish(index, fetchOne(files[index])) } }
        return queue.results()
    }

    /// Which files are to be had, and what came of them.
    private final class Queue: @unchecked Sendable {
        // Sendable because everything that changes is touched under the monitor only.
        private let monitor = Monitor()
        private var position = 0
        private var outcomes: [Result<HubClient.FetchedFile, HubError>?]

        init(count: Int) { outcomes = Array(repeating: nil, count: count) }

        func next() -> Int? {
            monitor.locked {
                defer { position += 1 }
                return position < outcomes.count ? position : nil
            }
        }

        func finish(_ index: Int, _ outcome: Result<HubClient.FetchedFile, HubError>) {
            monitor.locked { outcomes[index] = outcome }
        }

        /// Waits for all of them.
        func results() -> [Result<HubClient.FetchedFile, HubError>] {
            monitor.when({ outcomes.allSatisfy { $0 != nil } }, { outcomes.compactMap { $0 } })
        }
    }
}

extension HubError {
    /// The same error, which also says that it was not the only one.
    fileprivate func of(_ failureCount: Int) -> HubError {
        HubError(
            code, "\(message) (and \(failureCount - 1) more file\(failureCount == 2 ? "" : "s") failed)",
            repository: repository, file: file, status: status, cause: cause)
    }
}
