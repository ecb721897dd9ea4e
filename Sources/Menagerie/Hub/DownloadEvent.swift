// SPDX-License-Identifier: MIT
public import BeastHub

/// What happens to one of several files that are downloaded side by side.
public struct DownloadEvent: Sendable {
    /// What happens.
    public enum Kind: Sendable {
        /// The transfer goes on in some way.
        case transfer(TransferEvent)
        /// The file is there.
        case finished(HubClient.FetchedFile)
        /// The file will not come.
        case failed
        /// What was wanted of the file is there, though not the whole of it.
        case ended
    }

    /// Which file.
    public let file: HubFile
    public let kind: Kind
}
