// SPDX-License-Identifier: MIT
import Foundation
import Glibc
import Testing

/// The hub of `Tests/Tools/fake_hub.py`: real servers on loopback, which fail on demand.
final class FakeHub {
    /// Python without the environments that wrap it.
    private static let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    static let isAvailable = python != nil
    static let absence: Comment = "python3 is missing, and the fake hub is written in it"

    /// Where the servers are.
    let hub: String
    let storage: String
    private let control: String
    private let process: Process
    private let input: Foundation.Pipe
    private let folder: TemporaryFolder

    /// A request as the servers saw it.
    struct Record: Decodable {
        let server: String
        let method: String
        let path: String
        let headers: [String: String]
        let authorization: Bool
        let status: Int?
        let sent: Int
    }

    /// - Parameter description: JSON, as `fake_hub.py --help` describes it.
    init(_ description: String) throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        let tool = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Tools/fake_hub.py")
        process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.python))
        process.arguments = [tool.path, try folder.write(description, to: "description.json")]
        input = Foundation.Pipe()
        let output = Foundation.Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line: [UInt8] = []
        while line.last != 10 {
            let piece = output.fileHandleForReading.readData(ofLength: 1)
            try #require(!piece.isEmpty, "the fake hub ended before it said where it is")
            line += piece
        }
        let places = try JSONDecoder().decode([String: String].self, from: Data(line))
        hub = try #require(places["hub"])
        storage = try #require(places["storage"])
        control = try #require(places["control"])
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Replaces the faults.
    func faults(_ json: String) throws { _ = try ask("POST", "/faults", json) }

    func change(_ json: String) throws { _ = try ask("POST", "/change", json) }

    func clear() throws { _ = try ask("POST", "/clear", "{}") }

    /// All requests so far that servers are done with.
    func records() throws -> [Record] {
        try JSONDecoder().decode([Record].self, from: Data(try ask("GET", "/log", "")))
    }

    /// One request of the plainest kind.
    private func ask(_ method: String, _ path: String, _ body: String) throws -> [UInt8] {
        let port = try #require(control.split(separator: ":").last.flatMap { UInt16($0) })
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(code == 0)
        let request = Array(
            "\(method) \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                .utf8)
        try #require(write(descriptor, request, request.count) == request.count)
        var reply: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(descriptor, &block, block.count), count > 0 { reply += block[..<count] }
        let end = try #require(Data(reply).firstRange(of: Data("\r\n\r\n".utf8)))
        return Array(reply[end.upperBound...])
    }
}
