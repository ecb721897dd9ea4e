// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastWeights

struct Inspect: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what a checkpoint holds, without running any of it.",
        discussion: """
            Reads PyTorch files (zip and older streams), safetensors with their indexes, and .npy arrays. Control \
            characters in texts from the file are printed as \\u{...}. The exit code is 5 when a file names something that \
            a Python loader would execute.
            """)

    @Argument(help: "Files to look at.", completion: .file())
    var files: [String]

    @Flag(name: .long, help: "Show all values and tensors, however many there are.")
    var all = false

    @Flag(name: .long, help: "Also compare the checksum of every member of a PyTorch zip; reads the whole file.")
    var verify = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        var exitCode: Int32 = 0
        var reports: [InspectionReport] = []
        for path in files {
            let report = InspectionReport(path: path, limits: all ? .none : .standard, verifies: verify)
            if common.json {
                reports.append(report)
            } else {
                StandardOutput.print((reports.isEmpty && path == files.first ? "" : "\n") + report.text)
            }
            if let error = report.failure { StandardError.print("beasts: \(error.line)") }
            // A danger outweighs whatever else is wrong, and the first failure the others.
            if report.isDangerous {
                exitCode = 5
            } else if exitCode == 0 {
                exitCode = report.failure?.exitCode ?? 0
            }
        }
        if common.json { try JSONOutput.print(reports) }
        if exitCode != 0 { throw ExitCode(exitCode) }
    }
}
