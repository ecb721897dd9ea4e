// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastHub
import Menagerie

struct Pull: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Download models into the cache that is shared with Python's huggingface_hub.",
        discussion: """
            What is there already is not downloaded again. An interrupted download goes on where it ended, in a later run too. \
            Every byte is held against the digest that the hub names. HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN and the \
            other variables of huggingface_hub mean the same here.
            """)

    @Argument(help: "Names that beasts list prints.")
    var models: [String]

    @Option(name: .long, help: "A branch, tag or commit (default: \(HubFile.standardRevision)).")
    var revision: String?

    @Option(name: .long, help: "A token; HF_TOKEN keeps it out of the list of processes.")
    var token: String?

    @Flag(name: .long, help: "Download again what is there already.")
    var force = false

    @Flag(name: .long, help: "Hold what is there already against the digest that the hub names.")
    var verify = false

    @Flag(
        name: .long,
        help:
            "Fetch only the tensors the models need, by asking for parts of their files, and keep them beside the cache."
    )
    var slim = false

    @Option(name: .long, help: "How often a failure that may pass is tried again (default: 5).")
    var retries: Int?

    // Known, so that the refusal can say what to use instead.
    @Flag(name: .long, help: .hidden)
    var offline = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if offline {
            throw ValidationError(
                "--offline forbids what pull does; beasts cache path MODEL tells whether a model is here")
        }
        if models.isEmpty { throw ValidationError("name a model; beasts list prints all") }
        if let retries, retries < 0 || retries > 1000 {
            throw ValidationError("--retries \(retries): must be 0 to 1000")
        }
        if slim, verify {
            throw ValidationError("--slim cannot verify: no part of a file tells the digest of the whole")
        }
        if force, verify { throw ValidationError("--force downloads, and so verifies; --verify is for what is there") }
    }

    func run() throws {
        let progress = DownloadProgress(isQuiet: common.quiet, keepsParts: !slim)
        let events = common.json ? DownloadEvents() : nil
        var access = HubAccess { event in
            progress.show(event)
            events?.print(event)
        }
        access.revision = revision
        access.token = token
        access.retryCount = retries
        var job = PullJob(models: models, access: access)
        job.replaces = force
        job.verifies = verify
        if slim { return try runSlim(job, events) }
        let files = try job.run()
        if let events {
            events.print(files)
            return
        }
        for name in models where try Catalogue.hubFiles(of: name).isEmpty {
            common.note("\(name) is built in: there is nothing to download")
        }
        for file in files where file.fetched.receivedByteCount == 0 {
            common.note(
                "\(file.file): \(byteCount(file.fetched.size)), was here\(file.isVerified ? ", its digest is right" : "")"
            )
        }
        for file in files { StandardOutput.print(file.fetched.path) }
    }

    private func runSlim(_ job: PullJob, _ events: DownloadEvents?) throws {
        var total: (received: Int64, whole: Int64, count: Int) = (0, 0, 0)
        let files = try job.runSlim(pendingFiles: Interruption.pendingFiles)
        for file in files {
            switch file.result {
            case .stored(let summary):
                total.received += summary.receivedByteCount
                total.whole += summary.wholeByteCount
                total.count += 1
                let saved = 100 - 100 * summary.receivedByteCount / max(1, summary.wholeByteCount)
                common.note(
                    "\(file.file): \(byteCount(summary.receivedByteCount)) fetched of \(byteCount(summary.wholeByteCount)), "
                        + "\(max(0, saved)) % saved: \(summary.tensorCount) tensors. The CRC of every part was checked; the digest "
                        + "of the whole file could not be")
            case .wasThere: common.note("\(file.file): was here")
            case .whole(_, let reason): common.note("\(file.file): is here as a whole: \(reason)")
            }
            if let events { events.print(file) } else { StandardOutput.print(file.path) }
        }
        events?.print(files)
        if total.count > 1 {
            common.note("together: \(byteCount(total.received)) fetched of \(byteCount(total.whole))")
        }
    }
}
