// SPDX-License-Identifier: MIT

internal import CPicture

extension Picture {
    /// Reads a JPEG, PNG or WebP file.
    ///
    /// The content decides the format, never the file's name. The pixels are those of Pillow's
    /// `Image.open(path).convert("RGB")`: EXIF orientation, colour profiles and gamma are not applied, alpha is
    /// dropped and not blended, 16-bit grey is clipped at 255, other 16-bit channels keep their high byte, and CMYK is
    /// taken as inverted. Animated WebP files are refused; of an animated PNG the default picture is read.
    ///
    /// - Parameters:
    ///   - path: A regular file, or a link to one.
    ///   - options: Limits and leniency.
    /// - Throws: ``MediaError`` with `path` set: `notFound`, `notARegularFile`, `unreadable`, `fileTooLarge`, `empty`,
    ///   `unsupported`, `unrecognised`, `damaged`, `truncated`, `tooManyPixels` or `outOfMemory`.
    public init(contentsOfFile path: String, options: PictureOptions = PictureOptions()) throws(MediaError) {
        let file = try PictureFile(path: path, sizeLimit: options.fileSizeLimit)
        let container = file.prefix.withUnsafeBytes { PictureContainer(recognising: $0) }
        // Refused before the rest is read: it may be a film of many gigabytes.
        if let refusal = container.refusal { throw MediaError(refusal.code, refusal.message, path: path) }
        let bytes = try file.readAll()
        self = try bytes.withUnsafeBufferPointer { bytes throws(MediaError) in
            try Picture(decoding: UnsafeRawBufferPointer(bytes), name: path, options: options)
        }
    }

    /// Decodes a JPEG, PNG or WebP file held in memory, as ``init(contentsOfFile:options:)`` does.
    ///
    /// - Parameters:
    ///   - bytes: The whole file; read during the call only.
    ///   - name: What to call it in errors.
    ///   - options: Limits and leniency; the file size limit does not apply.
    /// - Throws: ``MediaError`` with `path` set to `name`: `empty`, `unsupported`, `unrecognised`, `damaged`,
    ///   `truncated`, `tooManyPixels` or `outOfMemory`.
    public init(
        decoding bytes: UnsafeRawBufferPointer, name: String, options: PictureOptions = PictureOptions()
    ) throws(MediaError) {
        let container = PictureContainer(recognising: bytes)
        if let refusal = container.refusal { throw MediaError(refusal.code, refusal.message, path: name) }
        guard let decode = container.decoder else {
            throw MediaError(.unsupported, "cannot read \(container.name)", path: name)
        }
        let source = bytes.assumingMemoryBound(to: UInt8.self)
        let allowsDamage: Int32 = options.allowsTruncated ? 1 : 0

        var report = cpicture_report()
        let headerStatus = decode(source.baseAddress, source.count, allowsDamage, nil, 0, &report)
        try Self.check(headerStatus, report, container: container, stage: "header", path: name)
        let width = Int(report.width)
        let height = Int(report.height)
        try Self.checkPixelCount(width: width, height: height, limit: options.pixelLimit, path: name)
        guard let byteCount = Self.byteCount(width: width, height: height) else {
            throw MediaError(.damaged, "cannot read \(container.name): it claims to have no pixels", path: name)
        }

        var status = CPICTURE_OK
        let pixels = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
            status = decode(source.baseAddress, source.count, allowsDamage, buffer.baseAddress, byteCount, &report)
            initializedCount = status == CPICTURE_OK ? byteCount : 0
        }
        try Self.check(status, report, container: container, stage: "pixels", path: name)
        self.init(unchecked: pixels, width: width, height: height)
    }

    /// Refuses sizes beyond a limit, naming both.
    static func checkPixelCount(width: Int, height: Int, limit: Int, path: String?) throws(MediaError) {
        let (pixelCount, overflow) = width.multipliedReportingOverflow(by: height)
        guard overflow || pixelCount > limit else { return }
        throw MediaError(
            .tooManyPixels,
            "cannot read this picture: \(width) x \(height) pixels are more than the limit of \(limit) pixels; "
                + "make it smaller or raise the limit",
            path: path)
    }

    private static func check(
        _ status: cpicture_status, _ report: cpicture_report, container: PictureContainer, stage: String, path: String
    ) throws(MediaError) {
        let attempt = "cannot decode the \(stage) of \(container.name)"
        let text = report.reason
        switch status {
        case CPICTURE_OK: return
        case CPICTURE_TRUNCATED:
            throw MediaError(.truncated, "\(attempt): the file is cut short (\(text)); get it again", path: path)
        case CPICTURE_UNSUPPORTED:
            throw MediaError(.unsupported, "\(attempt): not supported: \(text); convert it to PNG", path: path)
        case CPICTURE_NO_MEMORY:
            throw MediaError(.outOfMemory, "\(attempt): \(text)", path: path)
        default:
            throw MediaError(.damaged, "\(attempt): the file is damaged (\(text)); get it again", path: path)
        }
    }
}

extension cpicture_report {
    /// The library's own words.
    var reason: String {
        withUnsafeBytes(of: text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
