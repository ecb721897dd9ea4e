// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct Generate: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Generate pictures from nothing.",
        discussion: """
            A transformer draws the codes of each picture one after the other, a tokeniser turns them into pixels. Sample K \
            of a seed is the same whatever the batch size, and whether it is drawn alone (--first K --count 1) or among \
            others. Ctrl-C keeps the batches that are finished; a second one ends at once.
            """)

    @Argument(help: "A generator: cub_gpt (built in) or a gpt model of beasts list.")
    var model = Catalogue.defaultGeneratorName

    @Option(name: .long, help: "How many pictures.")
    var count = 1

    @Option(name: .long, help: "The number of the first sample.")
    var first = 0

    @OptionGroup var sampling: SamplingOptions

    @OptionGroup var files: GeneratorFileOptions

    @OptionGroup var backend: BackendOptions

    @OptionGroup var pictures: PictureOutputOptions

    @Option(
        name: .long, help: "A .npy file for the codes, int32 [pictures, codes].", completion: .file(extensions: ["npy"])
    )
    var codes: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if count < 1 { throw ValidationError("--count \(count): at least one picture is generated") }
        if first < 0 { throw ValidationError("--first \(first): samples are numbered from 0") }
        if pictures.output.isNowhere, codes == nil {
            throw ValidationError("no output; give -o GRID.png, --each FOLDER or --codes FILE.npy")
        }
    }

    func run() throws {
        let card = try Catalogue.generator(named: model)
        var job = GenerationJob(count: count, output: pictures.output)
        job.first = first
        job.seed = sampling.seed
        job.rule = sampling.rule(for: card)
        job.batchSize = sampling.batchSize
        job.codesPath = codes
        job.pendingFiles = Interruption.pendingFiles
        try job.check(card)
        sampling.explain(common)

        let generator = try files.load(card, job.parts, backend, common)
        job.stop = Interruption.stopsGracefully()
        var progress = Progress(total: 0, isQuiet: common.quiet, unit: "codes")
        let summary: GenerationJob.Summary
        do {
            defer { progress.clear() }
            summary = try job.run(generator) { event in
                if case .codes(let done, let total) = event { progress.show(done, of: total) }
            }
        }
        if common.json {
            try JSONOutput.print(Report(summary, job, model: card.name))
        } else {
            let seconds = progress.elapsed
            common.note(
                "\(summary.codes.count) picture\(summary.codes.count == 1 ? "" : "s") in \(tenths(seconds)) s"
                    + ([job.output.gridPath, job.output.folder, codes].compactMap { $0 }.map { " -> \($0)" }.joined()))
        }
        if summary.isStopped {
            common.note("interrupted: \(summary.codes.count) of \(count) pictures were finished and are written")
            throw ExitCode(130)
        }
    }

    private struct Report: Encodable {
        struct Sample: Encodable {
            let sample: Int
            let margin: Double
            let codes: [Int32]
        }

        let model: String
        let seed: UInt64
        let grid: String?
        let folder: String?
        let samples: [Sample]

        init(_ summary: GenerationJob.Summary, _ job: GenerationJob, model: String) {
            self.model = model
            seed = job.seed
            grid = job.output.gridPath
            folder = job.output.folder
            samples = summary.codes.indices.map {
                Sample(sample: job.first + $0, margin: summary.margins[$0], codes: summary.codes[$0])
            }
        }
    }
}
