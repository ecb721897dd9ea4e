// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastCore

/// The command line. It parses, calls the library, prints; it decides nothing else.
@main
struct Beasts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "beasts",
        abstract: "Runs self-supervised vision models on any compute backend.",
        version: "beasts \(BeastCore.version)",
        subcommands: [
            Embed.self, Complete.self, Generate.self, Encode.self, Decode.self, Reconstruct.self, Neighbours.self,
            List.self, Show.self, Pull.self, Remove.self, Cache.self, Inspect.self, Convert.self, Backends.self,
            Conformance.self, Compare.self, Bench.self,
        ])

    /// Parses, runs, and turns every error into one line and the exit code that stands for it.
    static func main() {
        keepStandardStreamsApart()
        Interruption.install()
        var isVerbose = false
        do {
            var command = try parseAsRoot()
            isVerbose = (command as? any CommonOptionsCommand)?.common.verbose ?? false
            try command.run()
            Foreground.exit(0)
        } catch let error as ExitCode {
            Foreground.exit(error.rawValue)
        } catch {
            if let failure = Failure(error) { failure.end(isVerbose: isVerbose) }
            end(parserError: error)
        }
    }

    /// Ends with an error that the parser words itself: help, version and completion scripts, which are results, or usage.
    private static func end(parserError error: any Error) -> Never {
        guard exitCode(for: error) != .success else {
            StandardOutput.print(fullMessage(for: error))
            Foreground.exit(0)
        }
        let arguments = CommandLine.arguments.dropFirst()
        let commands = configuration.subcommands.flatMap { [$0._commandName] + $0.configuration.aliases }
        var message = Self.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
        var help = "beasts --help"
        if let first = arguments.first, !first.hasPrefix("-") {
            if commands.contains(first) {
                help = "beasts \(first) --help"
            } else {
                message = "there is no command '\(first)'; the commands are \(commands.joined(separator: ", "))"
            }
        }
        StandardError.print("beasts: \(message) (see \(help))")
        Foreground.exit(64)
    }
}
