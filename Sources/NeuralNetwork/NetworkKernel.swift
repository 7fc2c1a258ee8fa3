internal import CKernels

/// The numeric kernels that the network's figures come from. They differ in how they round, so a figure's last bits
/// depend on which of them computed it.
public enum NetworkKernel: String, Sendable, CaseIterable {
    /// AVX2 and FMA.
    case avx2
    /// What every processor of the architecture can do.
    case plain

    /// Chosen once by what the processor can do; the environment variable `ECGMON_KERNEL=plain` forces the plain one.
    public static var inUse: NetworkKernel { ck_use_wide_vectors() ? .avx2 : .plain }
}
