// SPDX-License-Identifier: MIT
import ArgumentParser
import Menagerie

struct Complete: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Hide a part of pictures and let a masked autoencoder complete them.",
        discussion: """
            Each picture is brought to the size the model was trained for, a random part of its patches is hidden, and the \
            model tells them from the rest. The same seed hides the same patches, whatever the batch size and the backend.
            """)

    @Argument(help: "A masked autoencoder: cub_mae_vitt8 or a mae model of beasts list.")
    var model: String

    @Argument(help: "Pictures, folders, patterns, or - for a list on standard input.")
    var inputs: [String] = []

    @Option(name: .long, help: "A checkpoint file for the model (default: the hub cache).", completion: .file())
    var weights: String?

    @OptionGroup var backend: BackendOptions

    @Option(
        name: [.short, .long],
        help: "A PNG file to draw into, one row a picture: original, seen, predicted, completed.",
        completion: .file(extensions: ["png"]))
    var output: String?

    @Option(name: .long, help: "A folder for each completed picture as a PNG file.", completion: .directory)
    var each: String?

    @Option(name: .long, help: "The part of the patches that is hidden, from 0 to less than 1.")
    var maskRatio = 0.75

    @Option(name: .long, help: "The seed of the hidden patches.")
    var seed: UInt64 = 1

    @Option(name: .long, help: "Pictures computed at a time.")
    var batchSize = 8

    @Flag(name: .long, help: "Accept pictures that end too early.")
    var allowTruncated = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if inputs.isEmpty {
            throw ValidationError("no pictures given; name files, folders or - for a list on standard input")
        }
        if batchSize < 1 || batchSize > 4096 { throw ValidationError("--batch-size \(batchSize): must be 1 to 4096") }
        if !(maskRatio >= 0 && maskRatio < 1) {
            throw ValidationError("--mask-ratio \(maskRatio): must be at least 0 and less than 1")
        }
        if output == nil, each == nil { throw ValidationError("no output; give -o SHEET.png or --each FOLDER") }
    }

    func run() throws {
        let card = try Catalogue.model(named: model)
        var job = CompletionJob(paths: try InputList(inputs, standardInput: readStandardInput).paths)
        job.sheetPath = output
        job.folder = each
        job.maskRatio = maskRatio
        job.seed = seed
        job.batchSize = batchSize
        job.threadCount = backend.threads ?? ProcessorCount.available
        job.allowsTruncated = allowTruncated
        job.pendingFiles = Interruption.pendingFiles
        try job.check()

        let chosen = try backend.choose(common)
        let network = try Menagerie.loadForCompletion(
            card, session: try chosen.makeSession(threadCount: job.threadCount, precision: backend.precision),
            weights: weights)
        // Published files hold heads and optimizers that everybody knows of; a file of the user's own may hold a surprise.
        if weights != nil || common.verbose, let note = network.unusedTensors.note { common.note(note) }
        var progress = Progress(total: job.paths.count, isQuiet: common.quiet)
        let summary: CompletionJob.Summary
        do {
            defer { progress.clear() }
            summary = try job.run(network) { event in progress.show(event) }
        }
        if common.json {
            try JSONOutput.print(Report(summary, model: card.name, sheet: output))
        } else {
            common.note(
                "\(summary.items.count) picture\(summary.items.count == 1 ? "" : "s"), mean squared error of the hidden "
                    + "patches \(thousandths(summary.meanSquaredError)) in normalised units"
                    + ([output, each].compactMap { $0 }.map { " -> \($0)" }.joined()))
        }
        if !summary.failures.isEmpty {
            common.note("\(summary.failures.count) of \(job.paths.count) pictures could not be read")
            throw ExitCode(3)
        }
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
}
