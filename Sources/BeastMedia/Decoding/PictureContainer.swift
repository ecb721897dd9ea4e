// SPDX-License-Identifier: MIT

internal import CPicture

/// What a file is, judged by its first bytes alone.
enum PictureContainer: Equatable {
    case jpeg
    case png
    case webp
    /// A format known by name that is not read here; `advice` says what to do instead.
    case other(name: String, advice: String)
    case empty
    case unknown

    typealias Decoder =
        @convention(c) (
            UnsafePointer<UInt8>?, Int, Int32, UnsafeMutablePointer<UInt8>?, Int, UnsafeMutablePointer<cpicture_report>?
        ) -> cpicture_status

    /// The format with its article, for messages.
    var name: String {
        switch self {
        case .jpeg: "a JPEG picture"
        case .png: "a PNG picture"
        case .webp: "a WebP picture"
        case .other(let name, _): name
        case .empty: "an empty file"
        case .unknown: "a file of unknown format"
        }
    }

    /// The C function for the formats that are read.
    var decoder: Decoder? {
        switch self {
        case .jpeg: { cpicture_decode_jpeg($0, $1, $2, $3, $4, $5) }
        case .png: { cpicture_decode_png($0, $1, $2, $3, $4, $5) }
        case .webp: { cpicture_decode_webp($0, $1, $2, $3, $4, $5) }
        case .other, .empty, .unknown: nil
        }
    }

    /// Why the file is not read, or nil for the formats that are.
    var refusal: (code: MediaError.Code, message: String)? {
        switch self {
        case .jpeg, .png, .webp: nil
        case .other(let name, let advice): (.unsupported, "cannot read this as a picture: it is \(name); \(advice)")
        case .empty: (.empty, "cannot read this picture: the file is empty")
        case .unknown:
            (
                .unrecognised,
                "cannot read this as a picture: the content is of no known format; give JPEG, PNG or WebP"
            )
        }
    }
}
