// SPDX-License-Identifier: MIT
public import BeastHub

/// How weights that are asked for by name are had: from the hub cache, else from the hub.
public struct HubAccess: Sendable {
    /// Forbids the network, whatever the environment says.
    public var isOffline = false
    /// A branch, tag or commit; nil for the main branch.
    public var revision: String?
    /// A secret given on the command line; nil for that of the environment.
    public var token: String?
    /// How often a failure that may pass is tried again; nil for the standard.
    public var retryCount: Int?
    /// Told what downloads do, from the thread of each.
    public var report: @Sendable (DownloadEvent) -> Void

    /// - Parameter report: told what downloads do, from the thread of each.
    public init(report: @escaping @Sendable (DownloadEvent) -> Void = { _ in }) { self.report = report }

    /// The environment's settings with these changes.
    /// - Throws: `HubError` (`usage`) for variables and options that cannot be meant.
    public func settings() throws -> HubSettings {
        let given = try token.map { try HubToken($0, origin: "the option --token") }
        var settings = try HubSettings.ofThisProcess(token: given)
        if isOffline { settings.offlineReason = "--offline" }
        if let retryCount { settings.retryCount = retryCount }
        return settings
    }
}
