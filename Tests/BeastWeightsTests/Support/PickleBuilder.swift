// SPDX-License-Identifier: MIT

/// Assembles pickles of protocol 2.
struct PickleBuilder {
    var bytes: [UInt8] = [0x80, 2]

    static let stop: [UInt8] = [0x2E]

    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
    static func text(_ value: String) -> [UInt8] { [0x58] + le(UInt32(value.utf8.count)) + value.utf8 }
    static func integer(_ value: Int) -> [UInt8] { [0x8A, 8] + le(Int64(value)) }
    static func tuple(_ items: [[UInt8]]) -> [UInt8] { [0x28] + items.flatMap { $0 } + [0x74] }
    static func integers(_ values: [Int]) -> [UInt8] { tuple(values.map(integer)) }
    static func dictionary(_ items: [([UInt8], [UInt8])]) -> [UInt8] {
        [0x7D, 0x28] + items.flatMap { $0.0 + $0.1 } + [0x75]
    }
    static func named(_ items: [(String, [UInt8])]) -> [UInt8] { dictionary(items.map { (text($0.0), $0.1) }) }
    static func reduce(_ callee: [UInt8], _ arguments: [UInt8]) -> [UInt8] { callee + arguments + [0x52] }

    static func storage(_ type: String, key: String, count: Int, view: [UInt8]? = nil) -> [UInt8] {
        var items = [text("storage"), global("torch", type), text(key), text("cpu"), integer(count)]
        if let view { items.append(view) }
        return tuple(items) + [0x51]
    }

    static func tensor(
        _ type: String = "FloatStorage", key: String = "0", count: Int, offset: Int = 0, sizes: [Int], strides: [Int]
    ) -> [UInt8] {
        let hooks = reduce(global("collections", "OrderedDict"), [0x29])
        return reduce(
            global("torch._utils", "_rebuild_tensor_v2"),
            tuple([
                storage(type, key: key, count: count), integer(offset), integers(sizes), integers(strides), [0x89],
                hooks,
            ]))
    }

    /// A whole pickle around one value.
    static func pickle(_ value: [UInt8]) -> [UInt8] { [0x80, 2] + value + stop }
}

/// A small checkpoint in the zip form.
func makeCheckpoint(
    _ value: [UInt8], storages: [(String, [UInt8])], padding: Int = 0, byteOrder: String? = nil,
    _ change: (inout ZipBuilder) -> Void = { _ in }
) -> [UInt8] {
    var zip = ZipBuilder()
    zip.add("archive/data.pkl", PickleBuilder.pickle(value))
    if let byteOrder { zip.add("archive/byteorder", Array(byteOrder.utf8)) }
    for (key, bytes) in storages { zip.add("archive/data/\(key)", bytes) { $0.padding = padding } }
    change(&zip)
    return zip.build()
}

/// Padding that puts the first storage's bytes of ``makeCheckpoint(_:storages:padding:byteOrder:_:)`` at a multiple of 64.
func aligningPadding(_ value: [UInt8]) -> Int {
    let pickle = 30 + "archive/data.pkl".utf8.count + PickleBuilder.pickle(value).count + 16
    let start = pickle + 30 + "archive/data/0".utf8.count
    return (64 - start % 64) % 64
}
