// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct Encode: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn pictures into codes of a generator's tokeniser.",
        discussion: """
            Without an output, or with -o -, JSON lines go to standard output: {"codes":[...],"path":"..."}. Codes stand row \
            by row.
            """)

    @Argument(help: "A generator: cub_gpt (built in) or a gpt model of beasts list.")
    var model: String

    @OptionGroup var inputs: PictureInputOptions

    @Option(
        name: [.short, .long], help: "A .npy file, int32 [pictures, codes]; the paths go to NAME.paths.txt.",
        completion: .file(extensions: ["npy"]))
    var output: String?

    @Option(name: .long, help: "Sides of the pictures in pixels (default: the model's own).")
    var size: Int?

    @OptionGroup var files: GeneratorFileOptions

    @OptionGroup var backend: BackendOptions

    @OptionGroup var common: CommonOptions

    func run() throws {
        let card = try Catalogue.generator(named: model)
        var job = EncodingJob(paths: try inputs.paths)
        job.outputPath = output == "-" ? nil : output
        job.size = size
        job.threadCount = backend.threads ?? ProcessorCount.available
        job.allowsTruncated = inputs.allowTruncated
        job.pendingFiles = Interruption.pendingFiles
        try job.check(card)

        let generator = try files.load(card, .encoder, backend, common)
        var progress = Progress(total: job.paths.count, isQuiet: common.quiet)
        let summary: EncodingJob.Summary
        do {
            defer { progress.clear() }
            let givesLines = job.outputPath == nil && !common.json
            summary = try job.run(generator, report: { progress.show($0) }) { item in
                if givesLines { try JSONOutput.printLine(item) }
            }
        }
        if common.json {
            try JSONOutput.print(
                Report(
                    model: card.name, output: job.outputPath, pictures: summary.items, failures: summary.failures))
        } else {
            common.note(
                "\(summary.items.count) picture\(summary.items.count == 1 ? "" : "s"), "
                    + "\(summary.items.first?.codes.count ?? 0) codes each" + (job.outputPath.map { " -> \($0)" } ?? "")
            )
        }
        try failures(summary.failures, of: job.paths.count, common)
    }

    private struct Report: Encodable {
        let model: String
        let output: String?
        let pictures: [EncodingJob.Item]
        let failures: [EmbeddingSummary.Failure]
    }
}

/// Says how many pictures could not be read; the exit code does too.
func failures(_ failures: [EmbeddingSummary.Failure], of count: Int, _ common: CommonOptions) throws {
    guard !failures.isEmpty else { return }
    common.note("\(failures.count) of \(count) pictures could not be read")
    throw ExitCode(3)
}
