// SPDX-License-Identifier: MIT
private import CCurl

/// The one owner of a libcurl session: connections that are kept, and one transfer at a time. For one thread at a time.
final class Connection {
    /// What is asked for.
    struct Request {
        var address: Address
        var isHead = false
        /// `Name: value`.
        var headers: [String] = []
        /// For the whole request; 0 for no bound.
        var totalSeconds = 0
        /// Without a byte; 0 for no bound.
        var stallSeconds = 0
    }

    /// How a request ended.
    enum End {
        /// A whole reply.
        case done
        /// A handler ended it.
        case stopped
        /// It broke in a way that may pass.
        case broken(String)
        /// Something is set up wrong: TLS, a proxy.
        case final(String)
        /// The reply had more header lines than anybody means.
        case flooded
    }

    // Freed at the end of the one object that holds it.
    private let session: OpaquePointer
    private let connectSeconds: Int
    private let certificates: String?

    /// - Throws: ``HubError`` (`missingLibrary`) with the name of the package.
    init(connectSeconds: Int, certificates: String?) throws(HubError) {
        try Self.openLibrary()
        guard let session = ccurl_session_create() else {
            throw HubError(.missingLibrary, "libcurl cannot make a session: memory is short")
        }
        self.session = session
        self.connectSeconds = connectSeconds
        self.certificates = certificates
    }

    deinit { ccurl_session_destroy(session) }

    /// - Throws: ``HubError`` (`missingLibrary`) with the name of the package.
    static func openLibrary() throws(HubError) {
        if let reason = ccurl_open() { throw HubError(.missingLibrary, String(cString: reason)) }
    }

    /// Sends a request and takes the reply. Redirects are not followed.
    /// - Parameters:
    ///   - body: takes the body of a reply; false ends it.
    ///   - idle: called before each wait, at least ten times a second; false ends it.
    /// - Returns: the end, and the status and headers as far as they came.
    func perform(
        _ request: Request, body: (HTTPHeaders, UnsafeRawBufferPointer) -> Bool, idle: () -> Bool
    ) -> (end: End, headers: HTTPHeaders) {
        withoutActuallyEscaping(body) { body in
            withoutActuallyEscaping(idle) { idle in
                let handlers = Handlers(body: body, idle: idle)
                return withExtendedLifetime(handlers) { perform(request, handlers) }
            }
        }
    }

    private func perform(_ request: Request, _ handlers: Handlers) -> (end: End, headers: HTTPHeaders) {
        var reply = ccurl_reply()
        withStrings(request.headers) { headers in
            request.address.text.withCString { url in
                Self.userAgent.withCString { userAgent in
                    withOptionalString(certificates) { certificates in
                        var parts = ccurl_request()
                        parts.url = url
                        parts.is_head = request.isHead ? 1 : 0
                        parts.headers = headers.baseAddress
                        parts.header_count = headers.count
                        parts.user_agent = userAgent
                        parts.certificates = certificates
                        parts.connect_milliseconds = Int64(connectSeconds) * 1000
                        parts.total_milliseconds = Int64(request.totalSeconds) * 1000
                        parts.stall_seconds = Int64(request.stallSeconds)
                        // Outlives the call, which is all that uses it.
                        parts.context = Unmanaged.passUnretained(handlers).toOpaque()
                        parts.header = { context, bytes, count in
                            Handlers.of(context).takeHeader(UnsafeRawBufferPointer(start: bytes, count: count))
                        }
                        parts.body = { context, bytes, count in
                            Handlers.of(context).takeBody(UnsafeRawBufferPointer(start: bytes, count: count))
                        }
                        parts.idle = { context in Handlers.of(context).takeIdle() }
                        ccurl_perform(session, &parts, &reply)
                    }
                }
            }
        }
        if handlers.isFlooded { return (.flooded, handlers.headers) }
        let words = withUnsafeBytes(of: reply.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        switch reply.outcome {
        case Int32(CCURL_DONE): return (.done, handlers.headers)
        case Int32(CCURL_STOPPED): return (.stopped, handlers.headers)
        case Int32(CCURL_TRANSIENT): return (.broken(words), handlers.headers)
        default: return (.final(words), handlers.headers)
        }
    }

    private static let userAgent = "beasts (Swift; libcurl)"

    /// What the callbacks of a transfer reach.
    private final class Handlers {
        var headers = HTTPHeaders()
        var isFlooded = false
        private let body: (HTTPHeaders, UnsafeRawBufferPointer) -> Bool
        private let idle: () -> Bool

        init(body: @escaping (HTTPHeaders, UnsafeRawBufferPointer) -> Bool, idle: @escaping () -> Bool) {
            self.body = body
            self.idle = idle
        }

        /// Only for the pointer that ``Connection`` itself hands out.
        static func of(_ context: UnsafeMutableRawPointer?) -> Handlers {
            guard let context else { preconditionFailure("a callback of libcurl came without its context") }
            return Unmanaged<Handlers>.fromOpaque(context).takeUnretainedValue()
        }

        func takeHeader(_ line: UnsafeRawBufferPointer) -> Int32 {
            if !headers.take(line) { isFlooded = true }
            return isFlooded ? 1 : 0
        }

        func takeBody(_ bytes: UnsafeRawBufferPointer) -> Int32 { body(headers, bytes) ? 0 : 1 }

        func takeIdle() -> Int32 { idle() ? 0 : 1 }
    }
}

/// Zero-terminated copies, for as long as `body` runs.
private func withStrings(_ strings: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Void) {
    let copies = strings.map { $0.utf8CString }
    func step(_ index: Int, _ pointers: [UnsafePointer<CChar>?]) {
        guard index < copies.count else { return pointers.withUnsafeBufferPointer(body) }
        copies[index].withUnsafeBufferPointer { step(index + 1, pointers + [$0.baseAddress]) }
    }
    step(0, [])
}

private func withOptionalString(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Void) {
    if let text { text.withCString { body($0) } } else { body(nil) }
}
