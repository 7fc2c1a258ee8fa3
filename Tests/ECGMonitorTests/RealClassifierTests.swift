import ECGATKGAN
import ECGClassification
import ECGSignal
import Testing
import WFDB

@testable import ECGMonitor

@Suite(.enabled(if: RealRecord.hasModel, "skipped: no weights at Config/models/default.safetensors"))
struct RealClassifierTests {
    /// Five real minutes with the weights that ship.
    @Test func everyBeatOfARealRecordHasAClassOrTheReasonForNone() throws {
        let classifier = try BeatClassifier(contentsOf: RealRecord.model)
        let workspace = classifier.makeWorkspace()
        let samples = try RealRecord.fixture()
        var stream = MonitoredStream()
        var position = 0
        while position < samples.count {
            let end = min(position + 97, samples.count)
            _ = try stream.monitor.process(
                stream.block(samples[position..<end], at: Int64(position)), classifier: classifier,
                workspace: workspace, events: &stream.events)
            position = end
        }
        stream.monitor.finish(classifier: classifier, workspace: workspace, events: &stream.events)

        #expect(stream.beats.count > 450 && stream.beats.count < 600)
        for (event, beat) in stream.beats {
            if beat.beatClass == nil {
                #expect(event.sampleIndex < 140 || event.sampleIndex > Int64(samples.count) - 140)
                #expect(beat.notClassifiedBecause != nil)
            } else {
                #expect(abs(beat.probabilities.sum() - 1) < 1e-4)
                #expect((0...1).contains(beat.attackSuspicion))
            }
        }
        // The record is full of ventricular beats.
        #expect(stream.beats.contains { $0.beat.beatClass == .ventricular })
    }

    @Test(arguments: [[132.0], [80, 120]]) func aFastSinusRhythmIsNoSupraventricularRun(rates: [Double]) throws {
        let classifier = try BeatClassifier(contentsOf: RealRecord.model)
        let workspace = classifier.makeWorkspace()
        // A seed that no training uses.
        var simulator = ECGSimulator(
            .init(
                samplingRate: 360, seed: 31, script: rates.map { .init(.sinus(rate: $0), seconds: 60) }, noise: .resting
            ))
        let (samples, _) = simulator.record(seconds: 60 * Double(rates.count))
        var stream = MonitoredStream()
        _ = try stream.monitor.process(
            stream.block(samples[...], at: 0), classifier: classifier, workspace: workspace, events: &stream.events)
        stream.monitor.finish(classifier: classifier, workspace: workspace, events: &stream.events)
        #expect(stream.beats.count > 70 * rates.count)
        #expect(stream.count(.supraventricularRun, .started) == 0)
        #expect(stream.count(.supraventricularTachycardia, .started) == 0)
    }

    @Test func batchingSeveralPatientsChangesNoEvent() throws {
        let classifier = try BeatClassifier(contentsOf: RealRecord.model)
        let workspace = classifier.makeWorkspace()
        let samples = try RealRecord.fixture()
        // Three patients: the same record from different places on.
        let patients = [0, 20_000, 40_000].map { Array(samples[$0..<($0 + 36_000)]) }

        let alone = try patients.map { samples in
            var stream = MonitoredStream()
            _ = try stream.monitor.process(
                stream.block(samples, at: 0), classifier: classifier, workspace: workspace, events: &stream.events)
            return stream.events
        }

        var streams = patients.map { _ in MonitoredStream() }
        for position in stride(from: 0, to: 36_000, by: 450) {
            for (index, samples) in patients.enumerated() {
                _ = try streams[index].monitor.append(
                    streams[index].block(samples[position..<(position + 450)], at: Int64(position)))
            }
            let counts = streams.map(\.monitor.pendingWindowCount)
            var windows = [Float](repeating: 0, count: counts.reduce(0, +) * BeatWindow.length)
            var answers = [BeatClassification](
                repeating: .init(probabilities: .zero, attackSuspicion: 0), count: counts.reduce(0, +))
            windows.withUnsafeMutableBufferPointer { windows in
                answers.withUnsafeMutableBufferPointer { answers in
                    var first = 0
                    for index in streams.indices {
                        let range = first * BeatWindow.length..<(first + counts[index]) * BeatWindow.length
                        streams[index].monitor.copyPendingWindows(to: .init(rebasing: windows[range]))
                        first += counts[index]
                    }
                    classifier.classify(UnsafeBufferPointer(windows), into: answers, workspace: workspace)
                    first = 0
                    for index in streams.indices {
                        let own = UnsafeBufferPointer(
                            rebasing: UnsafeBufferPointer(answers)[first..<(first + counts[index])])
                        streams[index].resolve(
                            own, contextual: classifier.contextual,
                            gradient: LossGradient(classifier, workspace: workspace))
                        first += counts[index]
                    }
                }
            }
        }
        for index in streams.indices { #expect(streams[index].events == alone[index]) }
    }
}

/// Real rhythms, with the classes that cardiologists gave the beats.
@Suite(
    .enabled(
        if: RealRecord.hasMITDB,
        "skipped: no MIT-BIH Arrhythmia Database under ECGMON_DATABASES (default ../shared/data)"))
struct RealRhythmTests {
    private func watch(_ name: String) throws -> (
        stream: MonitoredStream, annotated: [(rhythm: String, range: Range<Int64>)]
    ) {
        let record = try RealRecord.mitdb(name)
        var stream = MonitoredStream()
        stream.labels = record.labels
        try stream.feed(record.samples, segmentSize: { 1_800 })
        stream.finish()
        let changes = record.annotations.filter { $0.code.symbol == "+" }
        let ends = changes.dropFirst().map(\.sampleIndex) + [Int64(record.samples.count)]
        return (stream, zip(changes, ends).map { ($0.text, $0.sampleIndex..<$1) })
    }

    private func isAlerted(_ kind: AlertKind, in range: Range<Int64>, _ stream: MonitoredStream) -> Bool {
        var onset: Int64?
        for (event, alert) in stream.alerts(kind) {
            if alert.phase == .started { onset = alert.onsetSampleIndex }
            if alert.phase == .ended, let began = onset, began < range.upperBound, event.sampleIndex > range.lowerBound
            {
                return true
            }
        }
        return false
    }

    @Test func annotatedVentricularTachycardiaIsAlerted() throws {
        let (stream, annotated) = try watch("205")
        // Shorter ones are three beats, of which the detector may miss the first.
        let tachycardias = annotated.filter { episode in
            episode.rhythm == "(VT" && stream.labels.count { episode.range.contains($0.rPeakIndex) } >= 5
        }
        #expect(tachycardias.count >= 3)
        for (_, range) in tachycardias {
            #expect(
                isAlerted(.ventricularTachycardia, in: range, stream) || isAlerted(.ventricularRun, in: range, stream),
                "no alert for VT at \(range)")
        }
        #expect(stream.count(.asystole, .started) == 0)
    }

    @Test func annotatedBigeminyAndTrigeminyAreAlerted() throws {
        let (stream, annotated) = try watch("119")
        for (rhythm, kind) in [("(B", AlertKind.bigeminy), ("(T", .trigeminy)] {
            let episodes = annotated.filter { $0.rhythm == rhythm && $0.range.count > 12 * 360 }
            #expect(!episodes.isEmpty)
            for (_, range) in episodes {
                #expect(isAlerted(kind, in: range, stream), "no \(kind) for \(range)")
            }
        }
    }

    @Test func theLongPausesOfASickSinusNodeAreAlerted() throws {
        let record = try RealRecord.mitdb("232")
        let (stream, _) = try watch("232")
        let peaks = record.labels.map(\.rPeakIndex)
        let long = zip(peaks, peaks.dropFirst()).filter { $1 - $0 > 3 * 360 }
        #expect(long.count > 10)
        for (first, second) in long {
            #expect(
                isAlerted(.pause, in: first..<second, stream) || isAlerted(.asystole, in: first..<second, stream),
                "no alert for the pause at \(first)")
        }
    }
}
