// SPDX-License-Identifier: MIT
private import CCurl

/// An http or https address, read by the same rules as the transfer itself reads it.
struct Address: Sendable, Equatable {
    /// The whole of it. May hold a signature: not for messages.
    let text: String
    /// `scheme://host:port`: what decides whether the token may be sent. Fit for messages.
    let origin: String

    var isEncrypted: Bool { origin.hasPrefix("https:") }

    /// - Parameters:
    ///   - text: absolute, or relative to `base`.
    ///   - base: what a relative one is relative to.
    /// - Returns: nil with the reason for what is no http address, or holds a user or a password.
    static func read(_ text: String, from base: Address? = nil) throws(HubError) -> Result<Address, Refusal> {
        try Connection.openLibrary()
        guard text.utf8.count <= 16384, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            return .failure(Refusal(reason: "it is too long or holds characters that no address has"))
        }
        var url: UnsafeMutablePointer<CChar>?
        var origin: UnsafeMutablePointer<CChar>?
        if let reason = ccurl_resolve(base?.text, text, &url, &origin) {
            return .failure(Refusal(reason: String(cString: reason)))
        }
        defer {
            ccurl_free(url)
            ccurl_free(origin)
        }
        guard let url, let origin else { return .failure(Refusal(reason: "it cannot be read")) }
        return .success(Address(text: String(cString: url), origin: String(cString: origin)))
    }

    /// Why a text is no address.
    struct Refusal: Error {
        let reason: String
    }
}
