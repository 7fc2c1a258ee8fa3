internal import COpenBLAS

/// OpenBLAS behind size checks: given an invalid size, it only prints a line and leaves the result unchanged, so
/// sizes are checked before each call.
public enum BLAS {
    /// Limits OpenBLAS to one thread: for these matrix sizes its own threads cost more than they gain, and work is
    /// parallelized at a higher level. Call once at start.
    public static func useOneThread() {
        openblas_set_num_threads(1)
    }

    /// result = left x right, or result += left x right; all dense, row-major: (rows x depth) (depth x columns).
    ///
    /// With `transposingLeft` the left matrix is stored as depth x rows; with `transposingRight` the right one is
    /// stored as columns x depth.
    public static func multiply(
        rows: Int, columns: Int, depth: Int, left: UnsafePointer<Float>, transposingLeft: Bool = false,
        right: UnsafePointer<Float>, transposingRight: Bool = false, result: UnsafeMutablePointer<Float>,
        accumulating: Bool = false
    ) {
        precondition(rows > 0 && columns > 0 && depth > 0)
        precondition(max(rows, columns, depth) <= Int(Int32.max))
        cblas_sgemm(
            CblasRowMajor, transposingLeft ? CblasTrans : CblasNoTrans, transposingRight ? CblasTrans : CblasNoTrans,
            Int32(rows), Int32(columns), Int32(depth), 1, left, Int32(transposingLeft ? rows : depth), right,
            Int32(transposingRight ? depth : columns), accumulating ? 1 : 0, result, Int32(columns))
    }
}
