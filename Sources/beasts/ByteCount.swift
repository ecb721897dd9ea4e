// SPDX-License-Identifier: MIT

/// Bytes in words: `1.7 GB`, `343.2 MB`, `12.0 kB`, `3 bytes`.
func byteCount(_ count: Int64) -> String {
    switch count {
    case 1_000_000_000...: "\(tenths(Double(count) / 1e9)) GB"
    case 1_000_000...: "\(tenths(Double(count) / 1e6)) MB"
    case 1000...: "\(tenths(Double(count) / 1e3)) kB"
    default: "\(count) byte\(count == 1 ? "" : "s")"
    }
}
