// SPDX-License-Identifier: MIT
import Glibc
import Menagerie
import Synchronization

/// Ctrl-C and requests to end: what is half written is removed and the program ends at once, in the middle of a batch too.
///
/// A thread of its own waits for the signals, so no code runs inside a signal handler.
enum Interruption {
    /// The files that have to go.
    static let pendingFiles = PendingFiles()

    /// What the last line says besides, while downloads are under way.
    private static let advice = Mutex<String?>(nil)

    /// From now on an interruption says so; nil ends it.
    static func advise(_ text: String?) { advice.withLock { $0 = text } }

    /// Set while a job runs that can end early and keep what is finished.
    private static let gracefulStop = Mutex<StopRequest?>(nil)

    /// From now on the first signal asks the job that looks at the result to end; the second ends the program at once.
    static func stopsGracefully() -> StopRequest {
        let request = StopRequest()
        gracefulStop.withLock { $0 = request }
        return request
    }

    /// Must be called before any other thread starts: threads inherit which signals they leave to this one.
    static func install() {
        // A reader that is gone shows up as an error of write.
        signal(SIGPIPE, SIG_IGN)
        var signals = heeded()
        for number in [SIGINT, SIGTERM, SIGHUP] where sigismember(&signals, number) == 1 { signal(number, SIG_DFL) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, { _ in Interruption.wait() }, nil)
        // Without the thread the signals do what they always do.
        if code == 0 { pthread_detach(thread) } else { pthread_sigmask(SIG_UNBLOCK, &signals, nil) }
    }

    /// The signals that ask to end. Others may be blocked too, by whoever started this program: the end of a child, say.
    private static func heeded() -> sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            var action = sigaction()
            sigaction(number, nil, &action)
            // nohup asks to outlive the terminal.
            if number == SIGHUP, isIgnored(action) { continue }
            sigaddset(&signals, number)
        }
        return signals
    }

    private static func wait() -> Never {
        var signals = heeded()
        var number: Int32 = 0
        repeat {
            while sigwait(&signals, &number) != 0 {}
        } while askToStop()
        // Where removing files hangs, the program ends all the same.
        alarm(10)
        pendingFiles.abandon()
        if StandardError.isTerminal { StandardError.draw("\r\u{1B}[K") }
        StandardError.print("beasts: interrupted" + (advice.withLock { $0 }.map { "; \($0)" } ?? ""))
        _exit(130)
    }

    /// - Returns: whether a job was asked to end, and had not been asked before.
    private static func askToStop() -> Bool {
        guard let request = gracefulStop.withLock({ $0 }), request.make() else { return false }
        if StandardError.isTerminal { StandardError.draw("\r\u{1B}[K") }
        StandardError.print("beasts: ending after this step; what is finished is kept (once more: at once)")
        return true
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
