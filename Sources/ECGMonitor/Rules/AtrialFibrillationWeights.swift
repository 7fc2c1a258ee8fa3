/// The coefficients of `AtrialFibrillationModel`, in the order of `AtrialFibrillationFeatures.names`.
///
/// Trained on channel 0 of 445 records: challenge2017,mitdb,svdb,qtdb,vfdb,nstdb,
/// 2600 rows of atrial fibrillation and 52236 of other rhythms, one after each beat of challenge2017 and one after every
/// fifth of the others. Results on these records are not results on unseen ECG. `ecgmon fibrillation` trains anew.
enum AtrialFibrillationWeights {
    static let mean: [Float] = [
        -2.66664, 0.44990, 0.29820, 0.14154, 0.77773, -2.55187, -2.51910,
        0.03732, 0.03589, -2.74568, -3.85725, 1.22715, 0.54439, 0.54283,
    ]
    static let scale: [Float] = [
        1.04651, 0.33363, 0.26884, 0.09795, 0.19179, 1.00510, 1.00510,
        0.06243, 0.07927, 0.64892, 0.56751, 1.10392, 0.38015, 0.32623,
    ]
    static let linear: [Float] = [
        0.49291, 0.60473, 0.42214, 0.13198, -0.30331, 0.39634, 0.37771,
        0.13040, -0.28780, -0.38390, 0.19314, -0.42018, -0.35249, -0.02930,
    ]
    static let square: [Float] = [
        -0.14611, -0.14027, 0.03049, -0.36414, 0.01438, -0.12458, -0.01481,
        -0.09310, -0.30904, -0.05462, -0.07423, -0.02968, 0.01947, 0.36185,
    ]
    static let bias: Float = 0.37086
}
