// SPDX-License-Identifier: MIT

/// What happens while a file is had from a hub.
public enum TransferEvent: Sendable, Equatable {
    /// Another process has the file's lock, for longer than a second.
    case waitingForLock
    /// Bytes are about to come.
    /// - size: of the whole file; nil where the hub does not say.
    /// - resumedFrom: how many bytes an earlier attempt left.
    case started(size: Int64?, resumedFrom: Int64)
    /// So many bytes of the file are on the disk, those of earlier attempts included.
    case progress(done: Int64, size: Int64?)
    /// What was here does not belong to the file: it is had from its first byte, so the count goes back.
    case restarted(reason: String)
    /// A failure that may pass; the next attempt begins after so many seconds.
    case retrying(reason: String, seconds: Double)
    /// Something that the user should know and that stops nothing.
    case warning(String)
}
