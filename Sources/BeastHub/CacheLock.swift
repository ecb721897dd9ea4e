// SPDX-License-Identifier: MIT
private import Glibc

/// The lock of one blob, the same that Python's clients take: `flock` on `.locks/REPOSITORY/ETAG.lock`. Held until the one
/// object that owns it goes.
///
/// Correctness does not hang on it: every writer has a partial file of its own, and a rename is atomic. It saves downloads.
final class CacheLock {
    private let descriptors: [Int32]
    /// Whether nobody else can hold it. False where the file system has no locks, or the folder may not be written.
    let isExclusive: Bool

    private init(descriptors: [Int32], isExclusive: Bool) {
        self.descriptors = descriptors
        self.isExclusive = isExclusive
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// Waits for the lock of a blob.
    /// - Throws: ``HubError`` (`interrupted`) when `isStopped`.
    static func take(
        _ cache: HubCache, _ file: HubFile, etag: String, isStopped: () -> Bool, report: (TransferEvent) -> Void
    ) throws(HubError) -> CacheLock {
        let folder = "\(cache.root)/.locks/\(file.folderName)"
        guard Folder.make(folder) == 0 else {
            report(.warning("\(folder) cannot be made, so the download goes on without a lock"))
            return CacheLock(descriptors: [], isExclusive: false)
        }
        // Python's client 0.13 keeps its lock beside the blob. Nobody makes one there any more, but one that is there counts.
        let older = "\(cache.folder(file))/blobs/\(etag).lock"
        var descriptors: [Int32] = []
        var isExclusive = true
        for (path, flags) in [("\(folder)/\(etag).lock", O_RDWR | O_CREAT), (older, O_RDWR)] {
            switch try take(path, flags, isStopped: isStopped, report: report, file) {
            case .taken(let descriptor): descriptors.append(descriptor)
            case .absent: continue
            case .impossible(let reason):
                isExclusive = false
                report(.warning("\(path) cannot be locked (\(reason)), so the download goes on without a lock"))
            }
        }
        return CacheLock(descriptors: descriptors, isExclusive: isExclusive)
    }

    /// Takes the lock of a blob if nobody has it; nil when somebody has.
    /// - Parameter makes: whether the lock's file is made where it is not there: else somebody may make and take it next.
    static func takeIfFree(_ path: String, makes: Bool = false) -> CacheLock? {
        if makes { _ = Folder.make(CacheWriter.parent(path)) }
        let descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (makes ? O_CREAT : 0), 0o664)
        guard descriptor >= 0 else { return CacheLock(descriptors: [], isExclusive: false) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            close(descriptor)
            return nil
        }
        return CacheLock(descriptors: [descriptor], isExclusive: true)
    }

    private enum Outcome {
        case taken(Int32)
        /// There is no such file, and none was to be made.
        case absent
        case impossible(String)
    }

    private static func take(
        _ path: String, _ flags: Int32, isStopped: () -> Bool, report: (TransferEvent) -> Void, _ file: HubFile
    ) throws(HubError) -> Outcome {
        let start = ContinuousClock.now
        var hasSaid = false
        while true {
            let descriptor = open(path, flags | O_CLOEXEC, 0o664)
            guard descriptor >= 0 else {
                return errno == ENOENT && flags & O_CREAT == 0 ? .absent : .impossible(SystemCall.reason())
            }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                // Whoever tidies up may have removed the file between the two calls: such a lock excludes nobody.
                if isStill(descriptor, at: path) { return .taken(descriptor) }
                close(descriptor)
                continue
            }
            let number = errno
            close(descriptor)
            guard number == EWOULDBLOCK || number == EINTR else { return .impossible(SystemCall.reason(number)) }
            if isStopped() {
                throw HubError(
                    .interrupted, "interrupted while another process downloads \(file)", repository: file.repository,
                    file: file.file)
            }
            if !hasSaid, ContinuousClock.now - start > .seconds(1) {
                hasSaid = true
                report(.waitingForLock)
            }
            usleep(50_000)
        }
    }

    private static func isStill(_ descriptor: Int32, at path: String) -> Bool {
        var held = stat()
        var found = stat()
        guard fstat(descriptor, &held) == 0, stat(path, &found) == 0 else { return false }
        return held.st_dev == found.st_dev && held.st_ino == found.st_ino
    }
}
