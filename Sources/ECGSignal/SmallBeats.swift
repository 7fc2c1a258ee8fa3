/// Small beats beside large ones: normal beats between ventricular beats several times as large, alternating heights.
///
/// The levels follow the large beats, the small ones stay below all thresholds, and the intervals between the large
/// ones look regular, so that no search-back is due. Therefore each interval between two beats is looked through again:
/// a peak in it that stands out from the others, and cannot be a P or T wave, may be a beat. It is one if another such
/// peak was found in one of the three intervals before.
struct SmallBeats: Sendable, Codable {
    /// One bit for each of the last intervals between beats, newest lowest: whether there was such a peak in it.
    private var recent: UInt8 = 0
    /// Integrated height and sharpness of these peaks, as of the last.
    private(set) var integratedPeak: Float = 0
    private(set) var sharpness: Float = 0
    /// Its distance from the beat before, in samples.
    private var coupling: Float = 0

    /// Whether small beats are to be expected.
    var areExpected: Bool { integratedPeak > 0 && (recent & 0b1111).nonzeroBitCount >= 2 }

    /// - Parameter peak: the peak found in an interval between two beats, if any.
    /// - Parameters:
    ///   - coupling: its distance from the beat before, in samples.
    ///   - isSharp: whether it is too sharp for a P or T wave.
    /// - Returns: whether it is a beat.
    mutating func take(_ peak: QRSCandidate?, coupling newCoupling: Float = 0, isSharp: Bool = false) -> Bool {
        guard let peak else {
            recent <<= 1
            if recent == 0 { integratedPeak = 0 }
            return false
        }
        let isAlike =
            integratedPeak > 0 && peak.integratedPeak < 1.4 * integratedPeak
            && integratedPeak < 1.4 * peak.integratedPeak && abs(peak.sharpness - sharpness) < 0.25 * sharpness
            && (isSharp || abs(newCoupling - coupling) < 0.1 * coupling)
        recent = isAlike ? recent << 1 | 1 : 1
        integratedPeak = peak.integratedPeak
        sharpness = peak.sharpness
        coupling = newCoupling
        return isSharp ? recent & 0b1110 != 0 : recent & 0b1111 == 0b1111
    }

    /// Whether a peak is like the small beats found so far.
    func isLike(_ peak: QRSCandidate) -> Bool {
        peak.integratedPeak >= 0.7 * integratedPeak && peak.sharpness >= 0.75 * sharpness
    }
}
