// SPDX-License-Identifier: MIT
private import Glibc

/// A lock with a condition to wait for: the standard library's `Mutex` has none.
package final class Monitor: @unchecked Sendable {
    // Sendable because the two are used only through the pthread functions, which are made for it.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(lock)
        condition.deallocate()
        lock.deallocate()
    }

    /// Runs `body` once `isReady`, under the lock; everybody who waits looks again afterwards.
    package func when<Result>(_ isReady: () -> Bool, _ body: () -> Result) -> Result {
        pthread_mutex_lock(lock)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(lock)
        }
        while !isReady() { pthread_cond_wait(condition, lock) }
        return body()
    }

    package func locked<Result>(_ body: () -> Result) -> Result { when({ true }, body) }
}

/// Starts a thread of its own for `body`, so that work that blocks takes none of the shared pool's threads.
package func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    guard code == 0 else {
        box.release()
        return false
    }
    pthread_detach(thread)
    return true
}
