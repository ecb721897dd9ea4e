// SPDX-License-Identifier: MIT

private import Dispatch
private import Glibc

/// A regular file opened for reading: metadata through `pread`, tensor data through one read-only mapping.
///
/// Small structures (directories, headers, pickles) are read with `pread`, so a file cut short while it is parsed
/// gives an error. Tensor data is mapped: it is lent without a copy and the kernel may drop its pages at any time.
/// The size is taken once, from the descriptor that is also mapped, and ``checkUnchanged()`` asks that descriptor
/// again before each loan. A file truncated *during* a loan still raises SIGBUS, as with any mapping; replacing the
/// file by renaming another over it is harmless, because the descriptor keeps the old one.
final class InputFile {
    let path: String
    /// In bytes, as of opening.
    let size: Int

    private let descriptor: Int32
    private let modificationTime: timespec
    private var mapping: UnsafeRawBufferPointer?
    /// True while small structures are read here and there.
    private var isScattered = true

    init(path: String) throws(WeightsError) {
        self.path = path
        guard !path.utf8.contains(0) else {
            throw WeightsError(.cannotRead, "the path contains a zero byte", path: path)
        }
        // O_NONBLOCK: opening a pipe that nobody writes to must not wait.
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw WeightsError(.cannotRead, "cannot be opened: \(describe(errno: errno))", path: path)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let reason = describe(errno: errno)
            close(descriptor)
            throw WeightsError(.cannotRead, "cannot be examined: \(reason)", path: path)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw WeightsError(
                .notRegularFile, "is \(describe(mode: status.st_mode)), not a regular file; give the path of a file",
                path: path)
        }
        self.descriptor = descriptor
        self.size = Int(status.st_size)
        self.modificationTime = status.st_mtim
        // Headers lie scattered through the file: read just them.
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM)
    }

    /// Memory that is part of the program, read as if it were a file. It is never unmapped, released or changed.
    init(staticBytes: UnsafeRawBufferPointer, name: String) {
        path = name
        size = staticBytes.count
        descriptor = -1
        modificationTime = timespec()
        mapping = staticBytes
    }

    /// Whether this is memory of the program.
    private var isStatic: Bool { descriptor < 0 }

    deinit {
        if isStatic { return }
        if let mapping { munmap(UnsafeMutableRawPointer(mutating: mapping.baseAddress), mapping.count) }
        close(descriptor)
    }

    /// Copies `count` bytes from byte `offset`. Both are checked against the file's size first.
    func read(at offset: Int, count: Int, what: String) throws(WeightsError) -> OwnedBytes {
        guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
            throw WeightsError(
                .malformedContainer, "\(what) would occupy \(count) bytes from byte \(offset), the file has \(size)",
                path: path)
        }
        let bytes = OwnedBytes(count: count)
        if isStatic, let mapping {
            UnsafeMutableRawBufferPointer(start: bytes.address, count: count)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: mapping[offset..<offset + count]))
            return bytes
        }
        var done = 0
        while done < count {
            let step = pread(descriptor, bytes.address + done, count - done, off_t(offset + done))
            if step < 0 {
                if errno == EINTR { continue }
                throw WeightsError(.cannotRead, "\(what) cannot be read: \(describe(errno: errno))", path: path)
            }
            guard step > 0 else {
                throw WeightsError(.fileChanged, "\(what) ends early: the file became shorter", path: path)
            }
            done += step
        }
        return bytes
    }

    // MARK: - Mapping

    /// The whole file as memory, mapped at the first call. Valid as long as this object lives.
    func mapped() throws(WeightsError) -> UnsafeRawBufferPointer {
        if let mapping { return mapping }
        guard size > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw WeightsError(.cannotRead, "cannot be mapped into memory: \(describe(errno: errno))", path: path)
        }
        // `willNeed` names the ranges that are wanted; sequential advice keeps the kernel from reading around them.
        madvise(address, size, MADV_SEQUENTIAL)
        let mapping = UnsafeRawBufferPointer(start: address, count: size)
        self.mapping = mapping
        return mapping
    }

    /// Asks the descriptor whether the file still has the size and time stamp it was opened with.
    func checkUnchanged() throws(WeightsError) {
        if isStatic { return }
        var status = stat()
        guard fstat(descriptor, &status) == 0, Int(status.st_size) == size,
            status.st_mtim.tv_sec == modificationTime.tv_sec, status.st_mtim.tv_nsec == modificationTime.tv_nsec
        else {
            throw WeightsError(.fileChanged, "the file was changed while it was being read; open it again", path: path)
        }
    }

    /// Starts reading a byte range of the mapping into the page cache.
    func willNeed(_ range: Range<Int>) {
        if isScattered {
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_NORMAL)
            isScattered = false
        }
        advise(range, MADV_WILLNEED)
    }

    /// Gives the pages of a byte range back. Bytes of neighbours on the same pages are simply read again when touched.
    func release(_ range: Range<Int>) { advise(range, MADV_DONTNEED) }

    private func advise(_ range: Range<Int>, _ advice: Int32) {
        guard !isStatic, let base = mapping?.baseAddress, !range.isEmpty, range.lowerBound >= 0,
            range.upperBound <= size
        else {
            return
        }
        let first = range.lowerBound & ~(Self.pageSize - 1)
        let (address, byteCount) = (UnsafeMutableRawPointer(mutating: base + first), range.upperBound - first)
        if byteCount < Self.muchToAdvise {
            madvise(address, byteCount, advice)
            return
        }
        // Advice changes nothing that is read. It takes time for each page, which this thread does not wait for; the
        // mapping stays until it was given.
        nonisolated(unsafe) let (file, pages) = (self, address)
        Self.adviser.async { withExtendedLifetime(file) { _ = madvise(pages, byteCount, advice) } }
    }

    private static let muchToAdvise = 256 << 10
    private static let adviser = DispatchQueue(label: "pages of mapped files")

    private static let pageSize = max(4096, Int(sysconf(Int32(_SC_PAGESIZE))))
}

/// Memory that belongs to one object and is freed with it; its content is undefined until written.
final class OwnedBytes {
    let address: UnsafeMutableRawPointer
    let count: Int

    /// Aligned to 64 bytes, enough for every element type and vector load.
    init(count: Int) {
        self.count = count
        address = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
    }

    deinit { address.deallocate() }

    /// The memory; valid as long as this object lives.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: address, count: count) }
}

/// The system's text for an error number.
func describe(errno number: Int32) -> String {
    guard let text = strerror(number) else { return "error \(number)" }
    return String(cString: text)
}

private func describe(mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
}
