// SPDX-License-Identifier: MIT
import ArgumentParser

/// The hub cache: what is there, whether it is whole, what can go.
struct Cache: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, verify and remove what the hub cache holds.",
        subcommands: [CacheList.self, CacheVerify.self, CacheRemove.self, CachePath.self],
        defaultSubcommand: CacheList.self)
}
