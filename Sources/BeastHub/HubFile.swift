// SPDX-License-Identifier: MIT

/// A file of a model repository at a revision: three names that were checked, so that none of them can lead out of the
/// cache or out of the hub's address.
public struct HubFile: Sendable, Hashable, CustomStringConvertible {
    /// `owner/name`, or `name` alone.
    public let repository: String
    /// Plain names with `/` between them, from the top of the repository.
    public let file: String
    /// A branch, a tag, or a commit of 40 hexadecimal digits.
    public let revision: String

    /// The revision when none is asked for.
    public static let standardRevision = "main"

    /// Checks the names.
    /// - Throws: ``HubError`` (`usage`) that says which rule a name breaks.
    public init(repository: String, file: String, revision: String = standardRevision) throws(HubError) {
        if let reason = HubName.refusal(ofRepository: repository) {
            throw HubError(.usage, "repository '\(repository)': \(reason)", repository: repository, file: file)
        }
        if let reason = HubName.refusal(ofPath: file) {
            throw HubError(.usage, "file '\(file)' of \(repository): \(reason)", repository: repository, file: file)
        }
        if let reason = HubName.refusal(ofPath: revision) {
            throw HubError(
                .usage, "revision '\(revision)' of \(repository): \(reason)", repository: repository, file: file)
        }
        self.repository = repository
        self.file = file
        self.revision = revision
    }

    /// `file of owner/name`, with the revision where it is not the standard one.
    public var description: String {
        "\(file) of \(repository)" + (revision == Self.standardRevision ? "" : " at \(revision)")
    }

    /// `models--OWNER--NAME`.
    var folderName: String { HubName.folder(ofRepository: repository) }

    /// The address below an endpoint: `/OWNER/NAME/resolve/REVISION/FILE`.
    var addressPath: String {
        "/\(repository)/resolve/\(HubName.percentEncoded(revision, keeping: ""))/"
            + HubName.percentEncoded(file, keeping: "/")
    }
}
