internal import CKernels

/// A matrix packed for `multiply` in panels of 16 columns; it needs packing again only when its values change.
public final class PackedMatrix {
    public private(set) var rows = 0
    public private(set) var columns = 0
    private let storage = FloatBuffer()

    public init() {}

    /// Packs a `rows` x `columns` matrix whose element (r, c) is at `values[r * rowStride + c * columnStride]`.
    public func pack(
        _ values: UnsafePointer<Float>, rows: Int, columns: Int, rowStride: Int, columnStride: Int = 1
    ) {
        self.rows = rows
        self.columns = columns
        let packed = storage.reserve(ck_packed_count(Int32(rows), Int32(columns)))
        ck_pack(Int32(rows), Int32(columns), values, rowStride, columnStride, packed)
    }

    /// result = left x self, or result += left x self.
    ///
    /// `left` is `rowCount` x `rows` with element (m, k) at `left[m * rowStride + k * elementStride]`; its rows may
    /// overlap, so that a convolution is a single product. `result` is `rowCount` x `columns` with rows
    /// `resultStride` apart; its rows may also overlap when accumulating. A row's result depends on that row alone,
    /// bit for bit.
    public func multiply(
        left: UnsafePointer<Float>, rowCount: Int, rowStride: Int, elementStride: Int = 1,
        result: UnsafeMutablePointer<Float>, resultStride: Int, accumulating: Bool = false
    ) {
        ck_gemm(
            Int32(rowCount), Int32(columns), Int32(rows), left, rowStride, elementStride, storage.pointer, result,
            resultStride, accumulating)
    }
}
