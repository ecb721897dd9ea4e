// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore
import Menagerie

struct Decode: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn codes of a generator's tokeniser into pictures.",
        discussion: "Codes come from beasts encode or from --codes of beasts generate and complete.")

    @Argument(help: "A generator: cub_gpt (built in) or a gpt model of beasts list.")
    var model: String

    @Argument(
        help: "A .npy file of whole numbers, [pictures, codes] or [pictures, rows, columns].",
        completion: .file(extensions: ["npy"]))
    var codes: String

    @OptionGroup var files: GeneratorFileOptions

    @OptionGroup var backend: BackendOptions

    @OptionGroup var pictures: PictureOutputOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if pictures.output.isNowhere { throw ValidationError("no output; give -o GRID.png or --each FOLDER") }
    }

    func run() throws {
        let card = try Catalogue.generator(named: model)
        var job = DecodingJob(codesPath: codes, output: pictures.output)
        job.pendingFiles = Interruption.pendingFiles
        let total = try job.check(card).codes.count

        let generator = try files.load(card, .decoder, backend, common)
        var progress = Progress(total: total, isQuiet: common.quiet)
        let count: Int
        do {
            defer { progress.clear() }
            count = try job.run(generator) { progress.show($0) }
        }
        if common.json {
            try JSONOutput.print(
                Report(model: card.name, pictures: count, grid: job.output.gridPath, folder: job.output.folder))
        } else {
            common.note(
                "\(count) picture\(count == 1 ? "" : "s")"
                    + [job.output.gridPath, job.output.folder].compactMap { $0 }.map { " -> \($0)" }.joined())
        }
    }

    private struct Report: Encodable {
        let model: String
        let pictures: Int
        let grid: String?
        let folder: String?
    }
}
