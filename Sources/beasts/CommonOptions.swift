// SPDX-License-Identifier: MIT
import ArgumentParser

/// Options that mean the same everywhere.
struct CommonOptions: ParsableArguments {
    @Flag(name: .long, help: "Say more: the choice of backend, counts of ops, causes of errors.")
    var verbose = false

    @Flag(name: .long, help: "Say nothing but errors on standard error.")
    var quiet = false

    @Flag(name: .long, help: "Print the result as JSON on standard output.")
    var json = false

    func note(_ text: String) { if !quiet { StandardError.print(text) } }
}

protocol CommonOptionsCommand: ParsableCommand {
    var common: CommonOptions { get }
}

/// Where to compute.
struct BackendOptions: ParsableArguments {
    @Option(name: .long, help: "A name, NAME:DEVICE, FILE.so, or auto for the best that is here.")
    var backend = "auto"

    @Option(name: .long, help: "Threads to compute and to read pictures with (default: one a core).")
    var threads: Int?

    func validate() throws {
        if let threads, threads < 1 || threads > 1024 {
            throw ValidationError("--threads \(threads): must be 1 to 1024")
        }
    }
}
