// SPDX-License-Identifier: MIT
internal import BeastThreads

/// Asks a job to end early and keep what is finished. May be used from any thread.
public final class StopRequest: @unchecked Sendable {
    // Sendable because what changes is touched under the monitor only.
    private let monitor = Monitor()
    private var wasMade = false

    public init() {}

    public var isMade: Bool { monitor.locked { wasMade } }

    /// - Returns: whether this is the first time.
    @discardableResult
    public func make() -> Bool {
        monitor.locked {
            defer { wasMade = true }
            return !wasMade
        }
    }
}
