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
        subcommands: [Embed.self, Neighbours.self, List.self, Show.self, Backends.self, Conformance.self])

    /// Parses, runs, and turns every error into one line and the exit code that stands for it.
    static func main() {
        Interruption.install()
        var command: any ParsableCommand
        do {
            command = try parseAsRoot()
        } catch {
            exit(withError: error)
        }
        do {
            try command.run()
        } catch let error as ExitCode {
            Foreground.exit(error.rawValue)
        } catch {
            if isParserMessage(error) { exit(withError: error) }
            let isVerbose = (command as? any CommonOptionsCommand)?.common.verbose ?? false
            Failure(error).end(isVerbose: isVerbose)
        }
    }

    /// Errors that the parser words itself: usage, help, version.
    private static func isParserMessage(_ error: any Error) -> Bool { error is ValidationError || error is CleanExit }
}
