// SPDX-License-Identifier: MIT
import ArgumentParser
import Menagerie

struct Convert: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the tensors of a checkpoint as safetensors.",
        discussion: """
            Reads whatever beasts reads: PyTorch files (zip and older streams), safetensors and their indexes. The \
            optimiser's state and everything else that is no tensor of the model stays behind; names and element types \
            are kept. Memory does not grow with the file.
            """)

    @Argument(help: "A checkpoint.", completion: .file())
    var input: String

    @Argument(help: "What to write, a name that ends in .safetensors.", completion: .file(extensions: ["safetensors"]))
    var output: String

    @Option(
        name: .long,
        help:
            "The top-level key of the state dictionary (default: the first of teacher, model, model_state_dict, state_dict that is there, else the top level)."
    )
    var select: String?

    @Option(name: .long, help: "Keep only the tensors that this model of beasts list needs.")
    var model: String?

    @Flag(name: .long, help: "Replace the output if it exists.")
    var force = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        var job = ConversionJob(inputPath: input, outputPath: output)
        job.selectedKey = select
        job.modelName = model
        job.replacesOutput = force
        job.pendingFiles = Interruption.pendingFiles
        var progress = Progress(total: 1, isQuiet: common.quiet, unit: "MB")
        let summary: ConversionJob.Summary
        do {
            defer { progress.clear() }
            summary = try job.run { progress.show($0 / 1_000_000, of: $1 / 1_000_000) }
        }
        if common.json {
            try JSONOutput.print(
                Report(
                    input: input, output: output, tensors: summary.tensorCount, byteCount: summary.byteCount,
                    inputByteCount: summary.inputByteCount, stateDictionary: summary.selectedKey,
                    leftOut: summary.leftOutCount))
        } else {
            let origin = summary.selectedKey.map { "'\($0)' of \(input)" } ?? input
            let leftOut =
                summary.leftOutCount > 0
                ? "; \(summary.leftOutCount) others are not part of \(model ?? "the model")" : ""
            common.note(
                "\(origin): \(summary.tensorCount) tensors, \(tenths(Double(summary.byteCount) / 1e6)) MB of "
                    + "\(tenths(Double(summary.inputByteCount) / 1e6)) MB -> \(output)\(leftOut)")
        }
    }

    private struct Report: Encodable {
        let input: String
        let output: String
        let tensors: Int
        let byteCount: Int
        let inputByteCount: Int
        let stateDictionary: String?
        let leftOut: Int
    }
}
