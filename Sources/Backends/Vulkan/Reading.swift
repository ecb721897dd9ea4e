// SPDX-License-Identifier: MIT
internal import BeastCore

/// The views that a kernel of one output only reads: as storage buffers behind the output's, or through texel buffers.
struct Reading {
    /// Bindings from 1 on.
    let bindings: [Binding]
    let texels: [TexelBinding]
    /// Where each view begins, in elements of what is bound.
    let offsets: [Int]

    var usesTexels: Bool { !texels.isEmpty }
}

extension VulkanBackend {
    /// Through texel buffers where the device is one that reads so and all views can be.
    func read(_ views: TensorView...) throws(BackendError) -> Reading {
        var (texels, bound): ([TexelBinding], [BoundView]) = ([], [])
        for view in views {
            if let texel = try self.texels(view) { texels.append(TexelBinding(view: texel, byFour: false)) }
            bound.append(try bind(view))
        }
        let bindings = bound.map(\.binding)
        guard texels.count == views.count else {
            return Reading(bindings: bindings, texels: [], offsets: bound.map(\.offset))
        }
        return Reading(bindings: bindings, texels: texels, offsets: texels.map(\.view.offset))
    }
}
