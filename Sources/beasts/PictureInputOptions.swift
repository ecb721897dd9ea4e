// SPDX-License-Identifier: MIT
import ArgumentParser
import Menagerie

/// The pictures that a command reads.
struct PictureInputOptions: ParsableArguments {
    @Argument(help: "Pictures, folders, patterns, or - for a list on standard input.")
    var inputs: [String] = []

    @Flag(name: .long, help: "Accept pictures that end too early.")
    var allowTruncated = false

    func validate() throws {
        if inputs.isEmpty {
            throw ValidationError("no pictures given; name files, folders or - for a list on standard input")
        }
    }

    /// The files that the inputs come to.
    var paths: [String] {
        get throws { try InputList(inputs, standardInput: readStandardInput).paths }
    }
}
