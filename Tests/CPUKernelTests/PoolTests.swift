// SPDX-License-Identifier: MIT
import CPUKernels
import Testing

/// Memory of packed weights.
@Suite struct PoolTests {
    private func isFilled(_ piece: UnsafeMutableRawPointer, _ count: Int, with byte: UInt8) -> Bool {
        UnsafeRawBufferPointer(start: piece, count: count).allSatisfy { $0 == byte }
    }

    @Test(arguments: [Int32(0), 2])
    func `Pieces keep their bytes when they move to huge pages and when others go`(threads: Int32) throws {
        var pool = cpu_pool(blocks: nil, threads: threads)
        defer { cpu_pool_clear(&pool) }
        // Smaller than a page, than a huge page, than a block, and larger than one; the last ones are given back.
        let sizes = [1, 4096, 100_000, 3 << 20, 9 << 20, 9 << 20, 20 << 20, 64]
        var pieces: [UnsafeMutableRawPointer] = []
        for (number, size) in sizes.enumerated() {
            let piece = try #require(cpu_pool_allocate(&pool, size))
            #expect(UInt(bitPattern: piece) % 64 == 0)
            piece.initializeMemory(as: UInt8.self, repeating: UInt8(number + 1), count: size)
            pieces.append(piece)
        }
        cpu_pool_settle(&pool)
        for number in [4, 6] { cpu_pool_release(&pool, pieces[number]) }
        let late = try #require(cpu_pool_allocate(&pool, 5 << 20))
        late.initializeMemory(as: UInt8.self, repeating: 99, count: 5 << 20)
        cpu_pool_settle(&pool)
        for number in sizes.indices where ![4, 6].contains(number) {
            #expect(isFilled(pieces[number], sizes[number], with: UInt8(number + 1)), "piece \(number)")
        }
        #expect(isFilled(late, 5 << 20, with: 99))
    }

    @Test func `What there is no memory for is null, and nothing is given back for null`() throws {
        var pool = cpu_pool()
        defer { cpu_pool_clear(&pool) }
        #expect(cpu_pool_allocate(&pool, .max) == nil)
        #expect(cpu_pool_allocate(&pool, 1 << 60) == nil)
        cpu_pool_release(&pool, nil)
        #expect(cpu_pool_allocate(&pool, 0) != nil)
        #expect(pool.blocks != nil)
    }

    @Test func `A block goes with its last piece`() throws {
        var pool = cpu_pool()
        let first = try #require(cpu_pool_allocate(&pool, 1000))
        let second = try #require(cpu_pool_allocate(&pool, 1000))
        cpu_pool_release(&pool, first)
        #expect(pool.blocks != nil)
        cpu_pool_release(&pool, second)
        #expect(pool.blocks == nil)
    }
}
