// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastHub
import Menagerie

struct CachePath: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        commandName: "path", abstract: "Print the folder of the cache, or the files of a model in it.")

    @Argument(help: "A name that beasts list prints (default: the cache itself).")
    var model: String?

    @Option(name: .long, help: "A branch, tag or commit (default: \(HubFile.standardRevision)).")
    var revision: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        let cleaning = try CacheCleaning.ofThisUser()
        let paths = try model.map { try cleaning.paths(of: $0, revision: revision) } ?? [cleaning.cache.root]
        if common.json { return try JSONOutput.print(paths) }
        for path in paths { StandardOutput.print(path) }
    }
}
