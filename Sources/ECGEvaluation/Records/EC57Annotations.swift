public import EC57
public import ECGATKGAN
public import WFDB

extension EC57Class {
    /// Nil for an annotation that is not a beat.
    public init?(_ code: AnnotationCode) { self.init(annotationSymbol: code.symbol) }

    /// A beat that was not classified is Q.
    public init(_ beatClass: BeatClass?) {
        switch beatClass {
        case .normal: self = .normal
        case .supraventricular: self = .supraventricular
        case .ventricular: self = .ventricular
        case .fusion: self = .fusion
        case nil: self = .unclassifiable
        }
    }
}

extension EC57Reference {
    /// The reference for a record out of its annotations: beats, and ventricular flutter between `[` and `]`.
    ///
    /// - Parameters:
    ///   - annotations: of the record, in the order of time, on its frames.
    ///   - samplingRate: frames a second.
    ///   - frameCount: length of the record.
    public init(annotations: [Annotation], samplingRate: Double, frameCount: Int) {
        var beats: [EC57Beat] = []
        var flutter: [ClosedRange<Int64>] = []
        let end = Int64(frameCount)
        var onset: Int64?
        for annotation in annotations {
            if annotation.code == .ventricularFlutterStart {
                onset = annotation.sampleIndex
            } else if annotation.code == .ventricularFlutterEnd {
                let start = onset ?? 0
                if start <= annotation.sampleIndex { flutter.append(start...annotation.sampleIndex) }
                onset = nil
            } else if let beatClass = EC57Class(annotation.code) {
                beats.append(EC57Beat(sampleIndex: annotation.sampleIndex, beatClass: beatClass))
            }
        }
        // Flutter that the record's end cuts off.
        if let onset, onset < end { flutter.append(onset...end) }
        self.init(beats: beats, flutter: flutter, samplingRate: samplingRate, frameCount: end)
    }
}
