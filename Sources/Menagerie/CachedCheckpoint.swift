// SPDX-License-Identifier: MIT
internal import BeastHub
internal import BeastWeights

extension Checkpoint {
    /// Opens a file of a hub repository that is in the cache.
    /// - Parameters:
    ///   - model: whose it is.
    ///   - option: of the command line, for a file of the user's own instead.
    /// - Throws: ``MenagerieError`` (`unavailable`) that says where it was looked for; what is wrong with the file.
    static func cached(_ file: String, of repository: String, for model: String, option: String) throws -> Checkpoint {
        guard let cache = HubCache.ofThisUser() else {
            throw MenagerieError(
                .unavailable, "\(model): no home folder is set, so there is no cache; give \(option) FILE")
        }
        guard let path = cache.path(repository: repository, file: file) else {
            throw MenagerieError(
                .unavailable,
                "\(model): its weights are not in the cache \(cache.root); give \(option) FILE, or download \(file) of "
                    + "\(repository) with any hub client")
        }
        return try open(path: path)
    }
}
