// SPDX-License-Identifier: MIT
import Testing

@testable import BeastHub

@Suite struct HTTPTests {
    private func taken(_ lines: [String]) -> HTTPHeaders? {
        var headers = HTTPHeaders()
        for line in lines {
            var text = line + "\r\n"
            guard text.withUTF8({ headers.take(UnsafeRawBufferPointer($0)) }) else { return nil }
        }
        return headers
    }

    @Test func `Headers are found whatever their case, and only those of the last reply count`() throws {
        let headers = try #require(
            taken([
                "HTTP/1.1 103 Early Hints", "ETag: early", "HTTP/2 302", "x-linked-etag:\t\"a\"  ",
                "LOCATION: http://x/", "odd",
                "",
            ]))
        #expect(headers.status == 302)
        #expect(headers["ETag"] == nil)
        #expect(headers["X-Linked-ETag"] == "\"a\"")
        #expect(headers["location"] == "http://x/")
    }

    @Test func `A flood of headers is not kept`() {
        #expect(taken(["HTTP/1.1 200"] + Array(repeating: "a: b", count: 255)) != nil)
        #expect(taken(["HTTP/1.1 200"] + Array(repeating: "a: b", count: 256)) == nil)
        #expect(taken(["HTTP/1.1 200", "a: " + String(repeating: "b", count: 200_000)]) == nil)
    }

    @Test(
        arguments: [
            ("0", 0), ("343112312", 343_112_312), ("1125899906842624", 1 << 50), ("1125899906842625", nil), ("-1", nil),
            ("+1", nil), ("", nil), ("1.5", nil), ("0x10", nil), ("99999999999999999999999", nil), ("1 ", nil),
            ("١", nil),
        ] as [(String, Int64?)])
    func `A size is a plain number that a file can have`(text: String, size: Int64?) {
        #expect(HTTPValue.size(text) == size)
    }

    @Test func `Parts of files are told by Content-Range`() throws {
        let range = try #require(HTTPValue.contentRange("bytes 5-9/10"))
        #expect(range == (5, 9, 10))
        let open = try #require(HTTPValue.contentRange("Bytes 0-0/*"))
        #expect(open.total == nil)
        for text in [
            "bytes 9-5/10", "bytes 5-10/10", "bytes */10", "bytes -5/10", "items 0-1/2", "bytes 0-1", "",
            "bytes 0-1/2/3",
        ] {
            #expect(HTTPValue.contentRange(text) == nil, "\(text)")
        }
        #expect(HTTPValue.unsatisfiedRange("bytes */10") == 10)
        #expect(HTTPValue.unsatisfiedRange("bytes 0-1/10") == nil)
        #expect(HTTPValue.unsatisfiedRange("bytes */-1") == nil)
    }

    @Test func `Etags lose the mark of weak ones and their quotes; only strong ones go into If-Range`() {
        #expect(HTTPValue.etag("W/\"abc\"") == "abc")
        #expect(HTTPValue.etag("\"abc\"") == "abc")
        #expect(HTTPValue.etag("abc") == "abc")
        #expect(HTTPValue.validator("\"abc\"") == "\"abc\"")
        #expect(HTTPValue.validator("W/\"abc\"") == nil)
        #expect(HTTPValue.validator("abc") == nil)
        #expect(HTTPValue.validator("\"a\u{1}\"") == nil)
        #expect(HTTPValue.validator(nil) == nil)
    }

    @Test func `Waits are whole seconds, or dates by the server's own clock`() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(HTTPDate.seconds(date) == 784_111_777)
        #expect(HTTPDate.seconds("Thu, 29 Feb 2024 00:00:00 GMT") == 1_709_164_800)
        #expect(HTTPDate.seconds("Sunday, 06-Nov-94 08:49:37 GMT") == nil)
        #expect(HTTPValue.retryAfter("7", date: nil, now: 0) == 7)
        #expect(HTTPValue.retryAfter("Sun, 06 Nov 1994 08:49:47 GMT", date: date, now: 0) == 10)
        #expect(HTTPValue.retryAfter("Sun, 06 Nov 1994 08:49:47 GMT", date: nil, now: 784_111_780) == 7)
        #expect(HTTPValue.retryAfter("Sun, 06 Nov 1994 08:49:07 GMT", date: date, now: 0) == 0)
        #expect(HTTPValue.retryAfter("soon", date: nil, now: 0) == nil)
        #expect(HTTPValue.retryAfter("99999999999999999999", date: nil, now: 0) == .infinity)
        #expect(HTTPValue.rateLimit("\"api\";r=0;t=55") == 55)
        #expect(HTTPValue.rateLimit("\"api\";r=3;t=55") == nil)
        #expect(HTTPValue.rateLimit("\"api\";r=0") == nil)
    }

    @Test func `Waits double up to eight seconds, with a random quarter, and progress starts anew`() throws {
        var rule = RetryRule(count: 5)
        let failure = PassingFailure(reason: "reset")
        var waits: [Double?] = []
        for _ in 0..<6 { waits.append(try rule.wait(after: failure, random: 0)) }
        #expect(waits == [1, 2, 4, 8, 8, nil])
        rule.reset()
        #expect(try rule.wait(after: failure, random: 1) == 1.25)
        var none = RetryRule(count: 0)
        #expect(try none.wait(after: failure) == nil)
    }

    @Test func `What the server asks for is waited, and a second more; not beyond five minutes`() throws {
        var rule = RetryRule(count: 5)
        #expect(try rule.wait(after: PassingFailure(reason: "", requestedSeconds: 9), random: 0) == 10)
        #expect(try rule.wait(after: PassingFailure(reason: "", requestedSeconds: 0), random: 0) == 2)
        for seconds in [301.0, .infinity, .nan] {
            #expect(throws: RetryRule.WaitTooLong.self) {
                try rule.wait(after: PassingFailure(reason: "", requestedSeconds: seconds))
            }
        }
    }

    @Test(
        arguments: [
            ("http://Host:80/a", nil, "http://host:80", "http://host:80/a"),
            ("https://host/a?b=c", nil, "https://host:443", "https://host/a?b=c"),
            ("/c", "http://h:81/a/b", "http://h:81", "http://h:81/c"),
            ("//other/c", "https://h/a", "https://other:443", "https://other/c"),
            ("http://h:81/a#fragment", nil, "http://h:81", "http://h:81/a"),
        ] as [(String, String?, String, String)])
    func `Addresses are read as the transfer reads them`(
        text: String, base: String?, origin: String, whole: String
    ) throws {
        let base = try base.map { try Address.read($0).get() }
        let address = try Address.read(text, from: base).get()
        #expect(address.origin == origin)
        #expect(address.text.lowercased() == whole.lowercased())
    }

    @Test(arguments: [
        "file:///etc/passwd", "ftp://h/x", "http://user:secret@h/", "javascript:alert(1)", "http://", "",
        "http://h/a b",
        "http://h/\u{1}",
    ])
    func `Addresses of another kind are refused`(text: String) throws {
        #expect(throws: Address.Refusal.self) { try Address.read(text).get() }
    }
}
