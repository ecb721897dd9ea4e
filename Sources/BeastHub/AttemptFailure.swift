// SPDX-License-Identifier: MIT

/// How one attempt failed, and so what comes next.
enum AttemptFailure: Error {
    /// Tried again after a wait.
    case passing(PassingFailure)
    /// The address of the bytes is no longer honoured: a fresh one is asked for.
    case expired(status: Int)
    /// The end.
    case final(HubError)
}
