// SPDX-License-Identifier: MIT

/// Adds up the multiplications and additions of all products and convolutions that a session is asked for.
///
/// Ops count as they were asked for: those that an op is composed of are not counted again.
public final class OperationCounter: SessionObserver {
    /// So far.
    public private(set) var operationCount = 0.0
    private var depth = 0

    public init() {}

    public func willRun(_ arguments: some OpArguments, in session: Session) throws(BackendError) {
        if depth == 0 { operationCount += session.operationCount(of: arguments) }
        depth += 1
    }

    public func didRun(_ arguments: some OpArguments, in session: Session, isComposed: Bool) throws(BackendError) {
        depth -= 1
    }
}
