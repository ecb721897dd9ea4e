// SPDX-License-Identifier: MIT
private import Glibc

/// Where files come from and go to, and with which rights: from the environment, changed by options.
public struct HubSettings: Sendable {
    /// The address of the public hub.
    public static let standardEndpoint = "https://huggingface.co"

    /// The cache that is read and filled.
    public var cache: HubCache
    /// The folder that holds cache, token and what beasts keeps beside them (`HF_HOME`).
    public var home: String
    /// The hub's address, without `/` at its end.
    public var endpoint = HubSettings.standardEndpoint
    /// Sent to the endpoint's own origin only.
    public var token: HubToken?
    /// What forbids the network: the name of a variable or option; nil when nothing does.
    public var offlineReason: String?
    /// Seconds that a question about a file may take, and a connection.
    public var metadataTimeout = 10
    /// Seconds without a byte after which a transfer is broken.
    public var downloadTimeout = 10
    /// Whether `snapshots/` may hold symbolic links.
    public var usesSymbolicLinks = true
    /// How often a failure that may pass is tried again; progress starts the count anew.
    public var retryCount = 5
    /// A file of certificates that are trusted, instead of the system's.
    public var certificates: String?
    /// What a wait of one second lasts, in seconds. Tests of waits need not take as long as the waits.
    var secondLength = 1.0

    /// Everything standard.
    public init(cache: HubCache, home: String) {
        self.cache = cache
        self.home = home
    }

    /// The settings that the environment asks for, as Python's client reads it.
    /// - Parameter token: a token that was given; nil for that of the environment, which is not looked at otherwise.
    /// - Throws: ``HubError`` (`usage`) for a variable that cannot be meant, or without a home folder.
    public static func ofThisProcess(token: HubToken? = nil) throws(HubError) -> HubSettings {
        guard let home = HubCache.homeOfThisUser(), let cache = HubCache.ofThisUser() else {
            throw HubError(.usage, "no home folder is set, so there is no cache; set HF_HOME to a folder")
        }
        var settings = HubSettings(cache: cache, home: home)
        if let endpoint = HubCache.variable("HF_ENDPOINT") {
            let trimmed = String(endpoint.reversed().drop { $0 == "/" }.reversed())
            guard trimmed.hasPrefix("http://") || trimmed.hasPrefix("https://") else {
                throw HubError(
                    .usage, "HF_ENDPOINT is '\(withoutSecrets(endpoint))', which is no http or https address")
            }
            settings.endpoint = trimmed
        }
        if let token { settings.token = token } else { settings.token = try HubToken.ofThisProcess(home: home) }
        settings.offlineReason = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].first(where: isTrue)
        settings.metadataTimeout = try seconds("HF_HUB_ETAG_TIMEOUT") ?? settings.metadataTimeout
        settings.downloadTimeout = try seconds("HF_HUB_DOWNLOAD_TIMEOUT") ?? settings.downloadTimeout
        settings.usesSymbolicLinks = !isTrue("HF_HUB_DISABLE_SYMLINKS")
        settings.certificates =
            ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"].lazy.compactMap(
                HubCache.variable
            ).first
        return settings
    }

    /// Whether the environment lets progress be shown.
    public static var progressIsWanted: Bool { !isTrue("HF_HUB_DISABLE_PROGRESS_BARS") }

    /// An address, whole or malformed, without the user and the password that it may hold.
    static func withoutSecrets(_ address: String) -> String {
        guard let at = address.lastIndex(of: "@") else { return address }
        let start = address.firstRange(of: "://").map(\.upperBound) ?? address.startIndex
        return start < at ? "\(address[..<start])(user and password)\(address[at...])" : address
    }

    static func isTrue(_ name: String) -> Bool {
        ["1", "on", "yes", "true"].contains(HubCache.variable(name)?.lowercased())
    }

    private static func seconds(_ name: String) throws(HubError) -> Int? {
        guard let text = HubCache.variable(name) else { return nil }
        guard let value = Int(text), (1...86400).contains(value) else {
            throw HubError(.usage, "\(name) is '\(text)': whole seconds from 1 to 86400")
        }
        return value
    }
}
