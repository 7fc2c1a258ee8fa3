/// The coefficients of `AtrialFibrillationModel`, in the order of `AtrialFibrillationFeatures.names`.
///
/// Trained on channel 0 of 449 records: challenge2017,mitdb,svdb,qtdb,vfdb,nstdb,
/// 2580 rows of atrial fibrillation and 53258 of other rhythms, one after each beat.
/// Results on these records are not results on unseen ECG. Written by `ecgmon fibrillation`.
enum AtrialFibrillationWeights {
    static let mean: [Float] = [
        -2.64718, 0.45646, 0.30328, 0.14516, 0.77249, -2.53543, -2.50088,
        0.02625, 0.01794, -2.72540, -3.86718, 1.25663, 0.55544, 0.54296,
    ]
    static let scale: [Float] = [
        1.04198, 0.33061, 0.26578, 0.09736, 0.18988, 1.00039, 1.00663,
        0.05401, 0.07030, 0.64915, 0.56224, 1.10150, 0.37192, 0.32109,
    ]
    static let linear: [Float] = [
        0.48424, 0.58654, 0.40070, 0.10468, -0.35688, 0.36884, 0.37698,
        0.20044, -0.29309, -0.39821, 0.12178, -0.38285, -0.33973, -0.04577,
    ]
    static let square: [Float] = [
        -0.16864, -0.12601, -0.04692, -0.28162, 0.03832, -0.16791, -0.03390,
        -0.08860, -0.41265, -0.07241, -0.16494, -0.01396, 0.05075, 0.30968,
    ]
    static let bias: Float = 0.48410
}
