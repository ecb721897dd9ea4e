// SPDX-License-Identifier: MIT

/// Is told of the ops of a ``Session``, for counts and profiles.
///
/// An op that is composed from others encloses them: its own two calls come around theirs. After an op that failed the
/// second call does not come.
public protocol SessionObserver: AnyObject {
    func willRun(_ arguments: some OpArguments, in session: Session) throws(BackendError)

    /// The backend may still be at work; ``Backend/synchronize()`` waits for it.
    func didRun(_ arguments: some OpArguments, in session: Session, isComposed: Bool) throws(BackendError)
}
