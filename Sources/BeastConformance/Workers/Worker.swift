// SPDX-License-Identifier: MIT

/// How to start a worker: the program, and what tells it to be one.
public struct WorkerCommand: Sendable {
    let path: String
    let arguments: [String]

    /// - Parameters:
    ///   - path: a program that runs a ``ConformanceWorker`` when it is given the arguments.
    ///   - arguments: with the backend's file and everything else that the worker needs to know.
    public init(path: String, arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }
}

/// A worker process as the process that started it sees it. Nothing it writes is believed without a look.
final class Worker {
    /// Why no answer came.
    struct Loss: Error, Equatable {
        enum Kind: Equatable {
            case crash
            case hang
            /// More memory than allowed.
            case memory
            case refusal(isUnavailable: Bool)
        }

        var kind: Kind
        var message: String
    }

    /// How long a worker may take until it is ready: a driver may compile its kernels then.
    static let startLimit = Duration.seconds(60)

    let announcement: WorkerMessage.Ready
    /// The cases it has answered.
    private(set) var answered = 0
    private let conversation: Conversation

    /// Starts a worker and waits until it is ready.
    /// - Parameters:
    ///   - names: of all cases; the worker must mean the same ones.
    ///   - limit: the time it may take.
    /// - Throws: `Loss`.
    init(_ command: WorkerCommand, names: [String], limit: Duration) throws(Loss) {
        let process: ChildProcess
        do throws(ChildProcessError) {
            // The signal says enough; a backtrace takes half a second and buries what the library itself had to say.
            process = try ChildProcess(
                path: command.path, arguments: command.arguments, defaults: ["SWIFT_BACKTRACE": "enable=no"])
        } catch {
            throw Loss(kind: .crash, message: "no worker process: \(error)")
        }
        conversation = Conversation(process)
        let deadline = ContinuousClock.now + limit
        var stage: WorkerMessage.Stage?
        while true {
            let doing = stage.map { "while \($0.rawValue): " } ?? "while starting: "
            switch try conversation.next(by: deadline, limit: limit, doing: doing) {
            case .starting(let next): stage = next
            case .refused(let refusal):
                throw Loss(kind: .refusal(isUnavailable: refusal.isUnavailable), message: refusal.message)
            case .ready(let ready):
                guard ready.caseCount == names.count, ready.digest == WorkerMessage.digest(of: names) else {
                    throw conversation.loss("the worker has another list of cases")
                }
                announcement = ready
                return
            case .started, .finished: throw conversation.loss("it spoke of a case before it was ready")
            }
        }
    }

    /// The largest resident size so far, in bytes.
    var residentPeak: Int? { conversation.process.residentPeak }

    /// Has a case run.
    /// - Parameter memoryLimit: the resident bytes it may reach; nil for no limit.
    /// - Throws: `Loss`; the worker is of no use any more then.
    func run(_ index: Int, limit: Duration, memoryLimit: Int? = nil) throws(Loss) -> WorkerMessage.Answer {
        guard conversation.process.send(Array("\(index)\n".utf8)) else {
            throw conversation.loss("it does not take requests any more")
        }
        let deadline = ContinuousClock.now + limit
        guard try conversation.next(by: deadline, limit: limit, memoryLimit: memoryLimit) == .started(index),
            case .finished(let answer) = try conversation.next(by: deadline, limit: limit, memoryLimit: memoryLimit),
            answer.index == index
        else { throw conversation.loss("it answered what was not asked") }
        if let memoryLimit, let peak = residentPeak, peak > memoryLimit {
            throw Loss(kind: .memory, message: Conversation.tooMuch(peak, memoryLimit))
        }
        answered += 1
        return answer
    }
}

/// Lines of a worker, one after the other.
private final class Conversation {
    /// Memory is looked at this often.
    private static let memoryInterval = Duration.milliseconds(20)

    let process: ChildProcess
    private var received: [UInt8] = []

    init(_ process: ChildProcess) { self.process = process }

    func next(
        by deadline: ContinuousClock.Instant, limit: Duration, memoryLimit: Int? = nil, doing: String = ""
    ) throws(Worker.Loss) -> WorkerMessage {
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeSubrange(...end)
                guard let message = try? WorkerMessage(line: line) else {
                    throw loss("\(doing)it wrote what is no answer")
                }
                return message
            }
            guard received.count <= WorkerMessage.longestLine else {
                throw loss("\(doing)it wrote a line without end")
            }
            let pause = memoryLimit == nil ? deadline : min(deadline, .now + Self.memoryInterval)
            switch process.read(by: pause) {
            case .bytes(let bytes): received += bytes
            case .end:
                // Its output is closed: it ends now, or does not speak any more.
                let ending = process.end(by: .now + .seconds(1)).map { "\($0)" }
                throw loss(doing + (ending ?? "it closed its output and went on"))
            case .deadline where ContinuousClock.now >= deadline:
                process.kill()
                throw Worker.Loss(
                    kind: .hang, message: "\(doing)no answer within \(seconds(limit)) s, killed" + lastWords)
            case .deadline:
                if let memoryLimit, let peak = process.residentPeak, peak > memoryLimit {
                    process.kill()
                    throw Worker.Loss(kind: .memory, message: Self.tooMuch(peak, memoryLimit))
                }
            }
        }
    }

    func loss(_ message: String) -> Worker.Loss {
        process.kill()
        return Worker.Loss(kind: .crash, message: message + lastWords)
    }

    static func tooMuch(_ peak: Int, _ limit: Int) -> String {
        "it took \(peak >> 20) MiB of memory, allowed are \(limit >> 20) MiB"
    }

    /// The last lines of standard error, in one line.
    private var lastWords: String {
        let lines = process.errorText.split(whereSeparator: \.isNewline).suffix(4)
        return lines.isEmpty ? "" : "; its last words: " + String(lines.joined(separator: " | ").suffix(600))
    }
}

/// Seconds, without needless digits.
func seconds(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = attoseconds / 1_000_000_000_000_000
    guard milliseconds > 0 else { return String(seconds) }
    let digits = String(1000 + milliseconds).dropFirst()
    return "\(seconds)." + String(digits.reversed().drop { $0 == "0" }.reversed())
}
