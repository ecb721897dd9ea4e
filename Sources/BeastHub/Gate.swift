// SPDX-License-Identifier: MIT
private import Glibc

/// A lock with a condition to wait for: the standard library's `Mutex` has none.
final class Gate: @unchecked Sendable {
    // Sendable because the two are used only through the pthread functions, which are made for it.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(lock)
        condition.deallocate()
        lock.deallocate()
    }

    /// Runs `body` under the lock, once `isReady`; everybody who waits looks again afterwards.
    func when<Result>(_ isReady: () -> Bool = { true }, _ body: () -> Result) -> Result {
        pthread_mutex_lock(lock)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(lock)
        }
        while !isReady() { pthread_cond_wait(condition, lock) }
        return body()
    }
}
