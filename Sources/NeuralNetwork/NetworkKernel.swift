internal import CKernels

/// The numeric kernels for the network's computations. They round differently, so the last bits of a result depend on
/// which kernel computed it.
public enum NetworkKernel: String, Sendable, CaseIterable {
    /// Uses AVX2 and FMA, and AVX-512 in matrix products where there is one: the results are the same bit for bit.
    case avx2
    /// Runs on every processor of the architecture.
    case plain

    /// Chosen once according to the processor's capabilities; the environment variable `ECGMON_KERNEL=plain` forces
    /// the plain kernel, `ECGMON_KERNEL=avx2` rules out AVX-512.
    public static var inUse: NetworkKernel { ck_instructions_in_use() == CK_BASELINE ? .plain : .avx2 }
}
