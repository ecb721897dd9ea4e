// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct Reconstruct: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn pictures into codes and back, and measure what is lost.",
        discussion: """
            For each picture a line with its peak signal-to-noise ratio in decibels (100 where nothing is lost) and its \
            structural similarity (1 where nothing is lost), both of 8-bit pixels, and the path; then a line of means.
            """)

    @Argument(help: "A generator: cub_gpt (built in) or a gpt model of beasts list.")
    var model: String

    @OptionGroup var inputs: PictureInputOptions

    @Option(
        name: [.short, .long], help: "A PNG file to draw into, one row a picture: original, reconstruction.",
        completion: .file(extensions: ["png"]))
    var output: String?

    @Option(name: .long, help: "A folder for each reconstruction as a PNG file.", completion: .directory)
    var each: String?

    @Option(name: .long, help: "Sides of the pictures in pixels (default: the model's own).")
    var size: Int?

    @OptionGroup var files: GeneratorFileOptions

    @OptionGroup var backend: BackendOptions

    @OptionGroup var common: CommonOptions

    func run() throws {
        let card = try Catalogue.generator(named: model)
        var job = ReconstructionJob(paths: try inputs.paths)
        job.output.gridPath = output
        job.output.folder = each
        job.size = size
        job.threadCount = backend.threads ?? ProcessorCount.available
        job.allowsTruncated = inputs.allowTruncated
        job.pendingFiles = Interruption.pendingFiles
        try job.check(card)

        let generator = try files.load(card, .tokenizer, backend, common)
        var progress = Progress(total: job.paths.count, isQuiet: common.quiet)
        let summary: ReconstructionJob.Summary
        do {
            defer { progress.clear() }
            summary = try job.run(generator) { progress.show($0) }
        }
        if common.json {
            try JSONOutput.print(Report(summary, model: card.name))
        } else {
            for item in summary.items {
                StandardOutput.print(Self.line(item.quality, StandardError.visible(item.path)))
            }
            StandardOutput.print(Self.line(summary.mean, "mean of \(summary.items.count)"))
        }
        try failures(summary.failures, of: job.paths.count, common)
    }

    private static func line(_ quality: PictureQuality, _ name: String) -> String {
        "\(thousandths(quality.psnr)) dB  \(thousandths(quality.ssim))  \(name)"
    }

    private struct Report: Encodable {
        let model: String
        let mean: PictureQuality
        let pictures: [ReconstructionJob.Item]
        let failures: [EmbeddingSummary.Failure]

        init(_ summary: ReconstructionJob.Summary, model: String) {
            self.model = model
            mean = summary.mean
            pictures = summary.items
            failures = summary.failures
        }
    }
}
