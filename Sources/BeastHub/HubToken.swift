// SPDX-License-Identifier: MIT
private import Glibc

/// A secret, and where it came from. Its value is never shown.
public struct HubToken: Sendable, CustomStringConvertible {
    /// The secret.
    let value: String
    /// `the option --token`, `the variable HF_TOKEN`, `the file ...`.
    public let origin: String

    /// - Throws: ``HubError`` (`usage`) for a text with spaces, control characters or nothing in it: it would end a header.
    public init(_ value: String, origin: String) throws(HubError) {
        guard !value.isEmpty, value.utf8.allSatisfy({ (33...126).contains($0) }), value.utf8.count <= 4096 else {
            throw HubError(.usage, "the token of \(origin) is empty or holds characters that no token has")
        }
        self.value = value
        self.origin = origin
    }

    public var description: String { "the token of \(origin)" }

    /// The token of the environment: the variables, else the file that logging in with Python's client writes.
    /// - Parameter home: `HF_HOME`.
    /// - Returns: nil where there is none, or it must not be sent without being asked for.
    static func ofThisProcess(home: String) throws(HubError) -> HubToken? {
        if HubSettings.isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN") { return nil }
        for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
            if let value = HubCache.variable(name).map(trimmed), !value.isEmpty {
                return try HubToken(value, origin: "the variable \(name)")
            }
        }
        let path = HubCache.variable("HF_TOKEN_PATH").map(HubCache.expanded) ?? "\(home)/token"
        guard let value = content(path).map(trimmed), !value.isEmpty else { return nil }
        return try HubToken(value, origin: "the file \(path)")
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    /// A file that cannot be read is the same as none.
    private static func content(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
