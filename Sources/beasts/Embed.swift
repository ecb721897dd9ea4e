// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import BeastMedia
import Menagerie

struct Embed: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn pictures into embeddings.",
        discussion: """
            Inputs are files, folders (searched through, sorted), patterns, or - for a list of paths on standard input, \
            one a line or as find -print0 writes them. \
            The output's ending decides its format: .npy (with the paths in NAME.paths.txt), .npz, .safetensors, .csv, .jsonl. \
            Without -o, or with -o -, JSON lines go to standard output. A picture that cannot be read is reported, listed in \
            NAME.errors.csv and left out; the exit code is then 3.
            """)

    @OptionGroup var inputs: PictureInputOptions

    @Option(name: .long, help: "The model (default: the built-in \(Catalogue.defaultName)).")
    var model: String?

    @Option(
        name: .long, help: "A checkpoint file for the model (default: the cache, else the hub).", completion: .file())
    var weights: String?

    @OptionGroup var hub: HubOptions

    @OptionGroup var backend: BackendOptions

    @Option(
        name: [.short, .long], help: "The file to write (.npy, .npz, .safetensors, .csv, .jsonl).", completion: .file())
    var output: String?

    @Option(name: .long, help: "Pictures computed at a time.")
    var batchSize = 8

    @Option(
        name: .long, help: "Side S of the model's input: short side to S * 256 / 224, bicubic, then the centre S x S.")
    var size: Int?

    @Option(
        name: .long,
        help: "A layer that beasts show MODEL prints; several (--layer A,B or repeated) become arrays of one file.",
        transform: { text in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) })
    var layer: [[String]] = []

    @Option(
        name: .long,
        help:
            "Of a layer: cls, mean (of the patches or positions) or patch (all of them). Default: what the model has.",
        completion: .list(FeatureRequest.Token.allCases.map(\.rawValue)), transform: Embed.token)
    var token: FeatureRequest.Token?

    @Flag(name: .long, help: "Scale every embedding to length 1.")
    var normalize = false

    @Flag(name: .long, help: "Stop at the first picture that cannot be read.")
    var failFast = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if batchSize < 1 || batchSize > 4096 { throw ValidationError("--batch-size \(batchSize): must be 1 to 4096") }
        if let size, size < 1 || size > 8192 { throw ValidationError("--size \(size): must be 1 to 8192") }
        if common.json, ["-", "/dev/stdout"].contains(outputPath) {
            throw ValidationError("--json needs -o FILE: without it the embeddings go to standard output")
        }
    }

    func run() throws {
        let card = try Catalogue.model(named: model ?? Catalogue.defaultName)
        let format = try OutputFormat(path: outputPath)
        var job = EmbeddingJob(
            paths: try inputs.paths, outputPath: outputPath,
            format: format,
            preprocessing: size.map { Preprocessing.evaluation(size: $0) } ?? card.preprocessing)
        job.batchSize = batchSize
        job.threadCount = backend.threads ?? ProcessorCount.available
        job.layers = layer.flatMap { $0 }
        job.token = token
        job.normalizesRows = normalize
        job.stopsAtFailure = failFast
        job.allowsTruncated = inputs.allowTruncated
        job.pendingFiles = Interruption.pendingFiles
        try job.check(for: card)

        let chosen = try backend.choose(common)
        if model == nil, weights == nil { common.note("model: \(Catalogue.defaultModelNote)") }
        if let note = job.note(for: card) { common.note(note) }
        let session = try chosen.makeSession(threadCount: job.threadCount, precision: backend.precision)
        // Only now: a backend that opens may set variables of the environment, which decoders of pictures read.
        let pictures = try job.readAhead()
        let network = try Menagerie.load(
            card, session: session, weights: weights, threadCount: job.threadCount, hub: hub.access(common))
        // Published files hold heads and optimizers that everybody knows of; a file of the user's own may hold a surprise.
        if weights != nil || common.verbose, let note = network.unusedTensors.note { common.note(note) }
        try run(job, network, pictures, backend: chosen)
    }

    private var outputPath: String { output.map { $0 == "-" ? "/dev/stdout" : $0 } ?? "/dev/stdout" }

    private static func token(_ text: String) throws -> FeatureRequest.Token {
        guard let token = FeatureRequest.Token(rawValue: text) else {
            throw ValidationError("tokens are cls, mean and patch")
        }
        return token
    }

    private func run(
        _ job: EmbeddingJob, _ network: EmbeddingModel, _ pictures: EmbeddingJob.ReadAhead, backend: ChosenBackend
    ) throws {
        var progress = Progress(total: job.paths.count, isQuiet: common.quiet)
        let summary: EmbeddingSummary
        do {
            summary = try job.run(network, reading: pictures) { event in progress.show(event) }
        } catch {
            progress.clear()
            throw error
        }
        progress.clear()
        let seconds = progress.elapsed
        if common.json {
            try JSONOutput.print(Report(summary, backend: backend.library.name, seconds: seconds))
        } else {
            let rate = tenths(Double(summary.succeeded) / max(seconds, 1e-9))
            common.note(
                "\(summary.succeeded) picture\(summary.succeeded == 1 ? "" : "s"), \(shapes(summary)), \(rate) pictures/s"
                    + (output.map { " -> \($0)" } ?? ""))
        }
        if common.verbose { common.note("ops: \(network.session.statistics.summary)") }
        if !summary.failures.isEmpty {
            let place = summary.failureList.map { "; they are listed in \($0)" } ?? ""
            common.note("\(summary.failures.count) of \(job.paths.count) pictures could not be read\(place)")
            throw ExitCode(3)
        }
    }

    private func shapes(_ summary: EmbeddingSummary) -> String {
        if summary.arrays.count == 1, let array = summary.arrays.first { return "shape \(array.shape)" }
        return summary.arrays.map { "\($0.layer) \($0.shape)" }.joined(separator: ", ")
    }

    private struct Report: Encodable {
        let model: String
        let backend: String
        let output: String
        let pictures: Int
        /// Of the one array; left out where there are several.
        let shape: [Int]?
        let arrays: [EmbeddingSummary.Array]
        let seconds: Double
        let failures: [EmbeddingSummary.Failure]

        init(_ summary: EmbeddingSummary, backend: String, seconds: Double) {
            model = summary.model
            self.backend = backend
            output = summary.output
            pictures = summary.succeeded
            shape = summary.arrays.count == 1 ? summary.arrays.first?.shape : nil
            arrays = summary.arrays
            self.seconds = seconds
            failures = summary.failures
        }
    }
}
