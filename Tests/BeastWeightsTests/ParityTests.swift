// SPDX-License-Identifier: MIT

import BeastCore
import Foundation
import Testing

@testable import BeastWeights

/// Reads what PyTorch wrote and writes what it shall read; see `Tests/parity/weights_parity.py`.
@Suite(
    "Parity with PyTorch",
    .enabled(if: Fixtures.parityFolder != nil, "set BEASTS_PARITY to a folder made by Tests/parity/weights_parity.py"))
struct ParityTests {
    @Test("Every spelling of a checkpoint holds the values PyTorch saved")
    func reading() throws {
        let folder = try #require(Fixtures.parityFolder)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        let expected = names.filter { $0.hasPrefix("expected.") }.map { String($0.dropFirst(9).dropLast(4)) }
        #expect(expected.count >= 15)
        let files = names.filter { $0.hasSuffix(".pth") || $0 == "reference.safetensors" }.sorted()
        #expect(files.count == 11)
        for file in files {
            let checkpoint = try Checkpoint.open(path: "\(folder)/\(file)")
            try checkpoint.verify()
            let weights = try checkpoint.weights(select: ["model"])
            for name in expected {
                let array = try NumpyArray.read(path: "\(folder)/expected.\(name).npy")
                #expect(weights.shape(of: name) == array.shape, "\(file) \(name)")
                #expect(try elements(name, of: weights) == array.floats(), "\(file) \(name)")
            }
        }
        print("parity: \(expected.count) tensors in each of \(files)")
    }

    @Test("Arrays and safetensors are written for the reference readers")
    func writing() throws {
        let folder = try #require(Fixtures.parityFolder)
        let weights = try Checkpoint.open(path: "\(folder)/bare.pth").weights()
        var entries: [SafetensorsEntry] = []
        for name in weights.tensorNames {
            let (dtype, shape) = try weights.withTensor(name) { ($0.dtype, $0.shape) }
            let type: ElementType = dtype == .float32 ? .float32 : dtype == .float16 ? .float16 : .bfloat16
            entries.append(SafetensorsEntry(name: name, elementType: type, shape: shape))
        }
        let header = try SafetensorsHeader(entries: entries, metadata: ["é": "\"\n"])
        var data: [UInt8] = []
        for entry in header.entries {
            try weights.withTensor(entry.name) { tensor in
                data += denseBytes(of: tensor)
                let numbers = NumpyHeader(element: .float32, shape: tensor.shape)
                try write(
                    numbers.encoded() + bytes(of: elements(of: tensor)), to: "\(folder)/written.\(entry.name).npy")
            }
        }
        try write(header.encoded() + data, to: "\(folder)/written.safetensors")
        let rows = bytes(of: (0..<1_234 * 5).map { Float($0) })
        let rowEntry = SafetensorsEntry(name: "rows", elementType: .float32, shape: [1_234, 5])
        try write(
            SafetensorsHeader(entries: [rowEntry]).encoded(minimumByteCount: 4_096) + rows,
            to: "\(folder)/rows.safetensors")
        try write(
            NumpyHeader(element: .float32, shape: [1_234, 5]).reservedBytes() + rows, to: "\(folder)/rows.npy")
    }
}
