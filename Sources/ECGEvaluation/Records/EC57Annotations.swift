public import EC57
public import ECGATKGAN
public import WFDB

extension EC57Class {
    /// nil for an annotation that is not a beat.
    public init?(_ code: AnnotationCode) { self.init(annotationSymbol: code.symbol) }

    /// An unclassified beat is Q.
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
    /// The reference for a record from its annotations: beats, and ventricular flutter between `[` and `]`.
    ///
    /// - Parameters:
    ///   - annotations: those of the record, in time order, in its frames.
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
        // Flutter cut off by the end of the record.
        if let onset, onset < end { flutter.append(onset...end) }
        self.init(beats: beats, flutter: flutter, samplingRate: samplingRate, frameCount: end)
    }
}
