// SPDX-License-Identifier: MIT
public import BeastHub

extension PullJob {
    /// What became of one file of which only the tensors were wanted.
    public struct SlimFile: Sendable {
        public enum Result: Sendable {
            /// Its tensors were fetched and stored.
            case stored(SlimFetch.Summary)
            /// Its tensors were here already.
            case wasThere(path: String)
            /// The whole file is in the cache, for a reason that ends a sentence.
            case whole(PulledFile, reason: String)
        }

        public let file: HubFile
        public let result: Result

        /// Where it is now.
        public var path: String {
            switch result {
            case .stored(let summary): summary.path
            case .wasThere(let path): path
            case .whole(let pulled, _): pulled.fetched.path
            }
        }
    }

    /// Brings only what the models need of their files, one file after the other, and stores it beside the cache. Files
    /// of which parts cannot be had come whole.
    /// - Parameters:
    ///   - pendingFiles: what an interruption removes.
    ///   - isStopped: when true, the job ends with an error that says so.
    /// - Throws: as ``run()``; what is wrong with a file as `WeightsError`. What has come by then stays.
    public func runSlim(
        pendingFiles: PendingFiles, isStopped: @escaping () -> Bool = { false }
    ) throws -> [SlimFile] {
        let settings = try access.settings()
        let fetch = SlimFetch(client: HubClient(settings: settings), pending: pendingFiles)
        var seen: Set<HubFile> = []
        return try models.flatMap { try Catalogue.tensorChoices(of: $0, revision: access.revision) }
            .filter { seen.insert($0.file).inserted }
            .map { file, choice in
                guard let choice else { return try whole(file, settings, reason: "there are no tensors in it") }
                let outcome: SlimFetch.Outcome
                do {
                    outcome = try fetch.run(file, choice, force: replaces, isStopped: isStopped) { event in
                        access.report(DownloadEvent(file: file, kind: .transfer(event)))
                    }
                } catch {
                    access.report(DownloadEvent(file: file, kind: .failed))
                    throw error
                }
                access.report(DownloadEvent(file: file, kind: .ended))
                switch outcome {
                case .stored(let summary): return SlimFile(file: file, result: .stored(summary))
                case .wasThere(let path): return SlimFile(file: file, result: .wasThere(path: path))
                case .wholeFileNeeded(let reason): return try whole(file, settings, reason: reason)
                }
            }
    }

    private func whole(_ file: HubFile, _ settings: HubSettings, reason: String) throws -> SlimFile {
        let downloads = FileDownloads(
            client: HubClient(settings: settings), policy: replaces ? .again : .current, report: access.report)
        let fetched = try downloads.fetch([file])[0]
        let pulled = PulledFile(file: file, fetched: fetched, isVerified: fetched.isVerified)
        return SlimFile(file: file, result: .whole(pulled, reason: reason))
    }
}

extension Catalogue {
    /// The files of a model or generator, each with the tensors that are needed of it; nil for a file without tensors.
    static func tensorChoices(
        of name: String, revision: String?
    ) throws -> [(file: HubFile, choice: TensorChoice?)] {
        let files = try hubFiles(of: name, revision: revision)
        guard isGenerator(name) else {
            let card = try model(named: name)
            return files.map { ($0, TensorChoice(card)) }
        }
        let card = try generator(named: name)
        let choices: [TensorChoice?] = [.transformer(of: card), .tokenizer(of: card)]
        return files.enumerated().map { ($1, $0 < choices.count ? choices[$0] : nil) }
    }
}
