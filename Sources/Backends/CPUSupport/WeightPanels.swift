// SPDX-License-Identifier: MIT
public import BeastCore

/// A weight in panels as the own kernels read them, packed by whomever.
public struct WeightPanels {
    /// Of ``CPUResources/panelWidth`` columns, [inner][column] of float32 or [pair][column][2] of bfloat16.
    public let address: UnsafeRawPointer
    /// Elements of the inner axis in a panel, zeros behind the weight's own.
    public let paddedInner: Int
    /// Of the weight: columns of the product, and its inner axis.
    public let columns, inner: Int
    public let dtype: DType

    public init(_ address: UnsafeRawPointer, paddedInner: Int, columns: Int, inner: Int, dtype: DType) {
        self.address = address
        self.paddedInner = paddedInner
        self.columns = columns
        self.inner = inner
        self.dtype = dtype
    }
}
