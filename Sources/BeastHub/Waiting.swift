// SPDX-License-Identifier: MIT
private import Glibc

/// Waits that can be given up.
enum Waiting {
    /// - Returns: false when `isStopped` became true.
    static func sleep(seconds: Double, isStopped: () -> Bool) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while true {
            if isStopped() { return false }
            let left = end - ContinuousClock.now
            if left <= .zero { return true }
            usleep(left > .milliseconds(50) ? 50_000 : 1000)
        }
    }

    /// Seconds since 1970.
    static var now: Int64 { Int64(time(nil)) }
}
