internal import CKernels

/// The numeric kernels for the network's computations. They round differently, so the last bits of a result depend on
/// which kernel computed it.
public enum NetworkKernel: String, Sendable, CaseIterable {
    /// Uses AVX2 and FMA.
    case avx2
    /// Runs on every processor of the architecture.
    case plain

    /// Chosen once according to the processor's capabilities; the environment variable `ECGMON_KERNEL=plain` forces
    /// the plain kernel.
    public static var inUse: NetworkKernel { ck_use_wide_vectors() ? .avx2 : .plain }
}
