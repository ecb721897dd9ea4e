// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastHub
import Menagerie

struct CacheRemove: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove models, whole repositories, or what nothing needs from the cache.")

    @Argument(help: "Models, or repositories (OWNER/NAME, datasets/OWNER/NAME).")
    var targets: [String] = []

    @Flag(name: .long, help: "Remove only content that no file has, and what interrupted downloads left.")
    var unused = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if targets.isEmpty, !unused {
            throw ValidationError("name models or repositories, or give --unused for what nothing needs")
        }
    }

    func run() throws {
        let cleaning = try CacheCleaning.ofThisUser()
        let removal = unused ? try cleaning.removeUnused(targets) : try cleaning.remove(targets: targets)
        try RemovalReport(removal).print(common)
    }
}
