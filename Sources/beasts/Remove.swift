// SPDX-License-Identifier: MIT
import ArgumentParser
import BeastHub
import Menagerie

struct Remove: CommonOptionsCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove models from the cache.",
        discussion: """
            All their revisions go, and their content where no other file of the cache has it. What other cached models need, \
            such as a tokeniser that several generators share, stays.
            """)

    @Argument(help: "Names that beasts list prints.")
    var models: [String]

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if models.isEmpty { throw ValidationError("name a model; beasts cache list shows what is there") }
    }

    func run() throws { try RemovalReport(try CacheCleaning.ofThisUser().remove(models: models)).print(common) }
}

/// What a removal did, for people and for programs.
struct RemovalReport: Encodable {
    struct Kept: Encodable {
        let path: String
        let reason: String
    }

    let removed: [String]
    let freedBytes: Int64
    let kept: [Kept]

    init(_ removal: CacheRemoval) {
        removed = removal.removed
        freedBytes = removal.freedByteCount
        kept = removal.kept.map { Kept(path: $0.path, reason: $0.reason) }
    }

    func print(_ common: CommonOptions) throws {
        if common.json { return try JSONOutput.print(self) }
        for path in removed { StandardOutput.print(StandardError.visible(path)) }
        for item in kept { common.note("kept \(item.path): \(item.reason)") }
        common.note("\(removed.count) removed, \(byteCount(freedBytes)) freed")
    }
}
