// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct Complete: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hide a part of pictures and let a model complete them.",
        discussion: """
            A masked autoencoder sees some patches of a picture, brought to the size it was trained for, and tells the \
            others; the same seed hides the same patches, whatever the batch size and the backend. A generator keeps the \
            codes of the upper half and draws those of the lower half, --samples times.
            """)

    @Argument(help: "A masked autoencoder (cub_mae_vitt8, a mae model) or a generator (cub_gpt, a gpt model).")
    var model: String

    @OptionGroup var inputs: PictureInputOptions

    @Option(name: .long, help: "Masked autoencoders: the part that is hidden, 0 to less than 1 (default 0.75).")
    var maskRatio: Double?

    @Option(name: .long, help: "Generators: completions of each picture (default 2).")
    var samples: Int?

    @Flag(
        name: .long, help: "Generators: draw a grey line a little above the border, as the published pictures have it.")
    var upstreamLine = false

    @Option(
        name: .long, help: "Generators: a .npy file for the codes, int32 [pictures, samples, codes].",
        completion: .file(extensions: ["npy"]))
    var codes: String?

    @OptionGroup var sampling: SamplingOptions

    @OptionGroup var files: GeneratorFileOptions

    @OptionGroup var backend: BackendOptions

    @OptionGroup var pictures: PictureOutputOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let maskRatio, !(maskRatio >= 0 && maskRatio < 1) {
            throw ValidationError("--mask-ratio \(maskRatio): must be at least 0 and less than 1")
        }
        if let samples, samples < 1 || samples > 4096 {
            throw ValidationError("--samples \(samples): must be 1 to 4096")
        }
        if pictures.output.isNowhere, codes == nil {
            throw ValidationError("no output; give -o SHEET.png or --each FOLDER")
        }
    }

    func run() throws {
        let paths = try inputs.paths
        if Catalogue.isGenerator(model) {
            try drawLowerHalves(try Catalogue.generator(named: model), paths)
        } else {
            try tellHiddenPatches(try Catalogue.model(named: model), paths)
        }
    }

    // MARK: Masked autoencoders

    private func tellHiddenPatches(_ card: ModelCard, _ paths: [String]) throws {
        if samples != nil || upstreamLine || codes != nil || !sampling.isStandard || pictures.columns != nil
            || files.tokenizer != nil || files.tokenizerConfig != nil
        {
            throw ValidationError("options that draw codes are for generators; \(card.name) is none")
        }
        var job = CompletionJob(paths: paths)
        job.sheetPath = pictures.grid
        job.folder = pictures.each
        job.maskRatio = maskRatio ?? 0.75
        job.seed = sampling.seed
        job.batchSize = sampling.batchSize ?? 8
        job.threadCount = backend.threads ?? ProcessorCount.available
        job.allowsTruncated = inputs.allowTruncated
        job.pendingFiles = Interruption.pendingFiles
        try job.check()

        let chosen = try backend.choose(common)
        let network = try Menagerie.loadForCompletion(
            card, session: try chosen.makeSession(threadCount: job.threadCount, precision: backend.precision),
            weights: files.weights, hub: files.hub.access(common))
        // Published files hold heads and optimizers that everybody knows of; a file of the user's own may hold a surprise.
        if files.weights != nil || common.verbose, let note = network.unusedTensors.note { common.note(note) }
        var progress = Progress(total: job.paths.count, isQuiet: common.quiet)
        let summary: CompletionJob.Summary
        do {
            defer { progress.clear() }
            summary = try job.run(network) { event in progress.show(event) }
        }
        if common.json {
            try JSONOutput.print(Report(summary, model: card.name, sheet: pictures.grid))
        } else {
            common.note(
                "\(summary.items.count) picture\(summary.items.count == 1 ? "" : "s"), mean squared error of the hidden "
                    + "patches \(thousandths(summary.meanSquaredError)) in normalised units" + places)
        }
        try failures(summary.failures, of: job.paths.count, common)
    }

    private struct Report: Encodable {
        let model: String
        let sheet: String?
        let meanSquaredError: Double
        let pictures: [CompletionJob.Item]
        let failures: [EmbeddingSummary.Failure]

        init(_ summary: CompletionJob.Summary, model: String, sheet: String?) {
            self.model = model
            self.sheet = sheet
            meanSquaredError = summary.meanSquaredError
            pictures = summary.items
            failures = summary.failures
        }
    }

    // MARK: Generators

    private func drawLowerHalves(_ card: GeneratorCard, _ paths: [String]) throws {
        if maskRatio != nil { throw ValidationError("--mask-ratio is for masked autoencoders; \(card.name) is none") }
        var job = GeneratorCompletionJob(paths: paths, output: pictures.output)
        job.sampleCount = samples ?? 2
        job.seed = sampling.seed
        job.rule = sampling.rule(for: card)
        job.batchSize = sampling.batchSize
        job.codesPath = codes
        job.drawsLine = upstreamLine
        job.threadCount = backend.threads ?? ProcessorCount.available
        job.allowsTruncated = inputs.allowTruncated
        job.pendingFiles = Interruption.pendingFiles
        try job.check(card)
        sampling.explain(common)

        let generator = try files.load(card, job.parts, backend, common)
        job.stop = Interruption.stopsGracefully()
        var progress = Progress(total: 0, isQuiet: common.quiet, unit: "codes")
        let summary: GeneratorCompletionJob.Summary
        do {
            defer { progress.clear() }
            summary = try job.run(generator) { event in
                switch event {
                case .codes(let done, let total): progress.show(done, of: total)
                case .failure(let failure): progress.show(.failure(failure))
                }
            }
        }
        if common.json {
            try JSONOutput.print(
                DrawnReport(
                    model: card.name, seed: job.seed, grid: job.output.gridPath, pictures: summary.items,
                    failures: summary.failures))
        } else {
            common.note(
                "\(summary.items.count) picture\(summary.items.count == 1 ? "" : "s"), \(job.sampleCount) completions each"
                    + places)
        }
        if summary.isStopped {
            common.note("interrupted: \(summary.items.count) of \(paths.count) pictures were finished and are written")
            throw ExitCode(130)
        }
        try failures(summary.failures, of: paths.count, common)
    }

    private var places: String {
        [pictures.grid, pictures.each, codes].compactMap { $0 }.map { " -> \($0)" }.joined()
    }

    private struct DrawnReport: Encodable {
        let model: String
        let seed: UInt64
        let grid: String?
        let pictures: [GeneratorCompletionJob.Item]
        let failures: [EmbeddingSummary.Failure]
    }
}
