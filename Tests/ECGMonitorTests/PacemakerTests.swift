import ECGSignal
import Foundation
import Testing

@testable import ECGMonitor

/// Simulated pacing: pulses of a pacemaker, as a front end of each sampling rate shows them, added to simulated ECG.
@Suite struct PacemakerTests {
    static let rates: [Double] = [250, 360, 500, 1_000, 2_000]
    static let noise = SimulatedNoise(white: 0.008)

    /// Adds pulses of 10 mV and 1 ms, low-passed as before sampling (second order).
    ///
    /// - Parameters:
    ///   - times: in s.
    ///   - tail: offset that each pulse leaves, in mV, and the time constant of its decay, in s.
    static func addPulses(
        at times: [Double], to samples: inout [Float], rate: Double, height: Double = 10, cutoff: Double? = nil,
        tail: (millivolts: Double, seconds: Double)? = nil
    ) {
        let omega = 2 * Double.pi * (cutoff ?? min(150, 0.35 * rate)) / 2.0.squareRoot()
        for time in times {
            let first = max(0, Int(time * rate))
            for index in first..<min(samples.count, first + Int(0.5 * rate)) {
                let since = Double(index) / rate - time
                guard since >= 0 else { continue }
                samples[index] += Float(height * 0.001 * 2 * omega * exp(-omega * since) * sin(omega * since))
                if let tail { samples[index] += Float(tail.millivolts * exp(-since / tail.seconds)) }
            }
        }
    }

    /// A script with pulses at given times before each R peak.
    static func paced(
        _ script: [SimulatedSegment], rate: Double, pulsesBefore offsets: [Double], without capture: [Double] = [],
        tail: (millivolts: Double, seconds: Double)? = nil, cutoff: Double? = nil, height: Double = 10
    ) throws -> MonitoredStream {
        var (samples, labels) = simulated(script, rate: rate, noise: noise)
        let times = labels.flatMap { label in offsets.map { Double(label.rPeakIndex) / rate - $0 } } + capture
        addPulses(at: times, to: &samples, rate: rate, height: height, cutoff: cutoff, tail: tail)
        var stream = MonitoredStream(rate: rate)
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        return stream
    }

    static func expectAllFound(_ stream: MonitoredStream) {
        let found = stream.labels.filter { label in
            stream.beats.contains { abs(stream.seconds($0.event.sampleIndex - label.rPeakIndex)) <= 0.15 }
        }
        #expect(found.count >= stream.labels.count - 1)
        #expect(stream.beats.count <= stream.labels.count + 1)
    }

    @Test(arguments: rates) func pulsesWithoutCaptureHideNoAsystole(rate: Double) throws {
        let stream = try Self.paced(
            [.init(.ventricular(rate: 70), seconds: 20), .init(.asystole, seconds: 20)], rate: rate,
            pulsesBefore: [0.06], without: Array(stride(from: 21.5, to: 40, by: 60.0 / 70)))
        Self.expectAllFound(stream)
        let asystole = try #require(stream.alerts(.asystole).first { $0.alert.phase == .started })
        let lastBeat = try #require(stream.labels.last).rPeakIndex
        #expect(stream.seconds(asystole.event.decidedAtSampleIndex - lastBeat) < 10)
        #expect(asystole.alert.text.contains("pacing without capture"))
        #expect(stream.beats.allSatisfy { $0.event.sampleIndex < lastBeat + Int64(0.2 * rate) })
    }

    @Test(arguments: rates) func smearedPulsesWithoutCaptureHideNoAsystole(rate: Double) throws {
        let stream = try Self.paced(
            [.init(.ventricular(rate: 70), seconds: 20), .init(.asystole, seconds: 20)], rate: rate,
            pulsesBefore: [0.06], without: Array(stride(from: 21.5, to: 40, by: 60.0 / 70)), cutoff: 40, height: 40)
        #expect(stream.count(.asystole, .started) == 1)
    }

    @Test(arguments: rates) func decayingOffsetsOfPulsesAreNoBeats(rate: Double) throws {
        for seconds in [0.025, 0.1] {
            let stream = try Self.paced(
                [.init(.ventricular(rate: 70), seconds: 20), .init(.asystole, seconds: 20)], rate: rate,
                pulsesBefore: [0.06], without: Array(stride(from: 21.5, to: 40, by: 60.0 / 70)),
                tail: (1, seconds), height: 25)
            #expect(stream.count(.asystole, .started) == 1)
            let lastBeat = try #require(stream.labels.last).rPeakIndex
            #expect(stream.beats.count { $0.event.sampleIndex > lastBeat + Int64(0.2 * rate) } == 0)
        }
    }

    @Test(arguments: rates) func capturedBeatsAreMarkedAsPaced(rate: Double) throws {
        let stream = try Self.paced([.init(.ventricular(rate: 70), seconds: 30)], rate: rate, pulsesBefore: [0.06])
        Self.expectAllFound(stream)
        #expect(stream.beats.dropFirst(5).allSatisfy { $0.beat.pacing == BeatPacing(ventricular: true) })
        let last = try #require(stream.statuses.last).status
        #expect(last.isPaced)
        #expect(last.pacingPulses >= Int64(stream.labels.count) - 6)
    }

    @Test(arguments: rates) func atrialPacingIsMarked(rate: Double) throws {
        let stream = try Self.paced([.init(.sinus(rate: 80), seconds: 30)], rate: rate, pulsesBefore: [0.22])
        Self.expectAllFound(stream)
        #expect(stream.beats.dropFirst(5).allSatisfy { $0.beat.pacing == BeatPacing(atrial: true) })
    }

    @Test(arguments: rates) func dualChamberPacingIsMarked(rate: Double) throws {
        let stream = try Self.paced(
            [.init(.ventricular(rate: 75), seconds: 30)], rate: rate, pulsesBefore: [0.21, 0.06])
        Self.expectAllFound(stream)
        #expect(stream.beats.dropFirst(3).allSatisfy { $0.beat.pacing == BeatPacing(ventricular: true, atrial: true) })
    }

    @Test(arguments: rates) func pulsesAtTheOnsetOfTheQRSAreMarked(rate: Double) throws {
        let stream = try Self.paced([.init(.sinus(rate: 75), seconds: 30)], rate: rate, pulsesBefore: [0.065])
        Self.expectAllFound(stream)
        #expect(stream.beats.dropFirst(5).allSatisfy { $0.beat.pacing.ventricular })
    }

    @Test(arguments: rates) func narrowComplexesOfNeonatesAreNoPulses(rate: Double) throws {
        for height in [0.3, 1, 5, -2] as [Float] {
            for share in [0, 1] as [Float] {
                // A triangle of 40 ms, alone or followed by one of the other polarity.
                var random = SeededGenerator(seed: 5)
                var samples = (0..<Int(30 * rate)).map { _ in Float(0.006 * random.normal()) }
                let peaks = Array(stride(from: 0.5, to: 29.5, by: 0.4))
                for peak in peaks {
                    for index in Int((peak - 0.03) * rate)...Int((peak + 0.07) * rate) {
                        let time = Float(Double(index) / rate - peak)
                        samples[index] += height * max(0, 1 - abs(time) / 0.02)
                        samples[index] -= share * height * max(0, 1 - abs(time - 0.04) / 0.02)
                    }
                }
                var stream = MonitoredStream(rate: rate)
                try stream.feed(samples)
                stream.finish()
                #expect(abs(stream.beats.count - peaks.count) <= 2)
                #expect(stream.statuses.allSatisfy { $0.status.pacingPulses == 0 })
            }
        }
    }

    @Test func spikesOfDifferentHeightAreNoPacemaker() throws {
        var (samples, labels) = simulated([.init(.sinus(rate: 75), seconds: 60)], rate: 500, noise: Self.noise)
        var random = SeededGenerator(seed: 3)
        var time = 3.0
        var height = 1.0
        while time < 58 {
            Self.addPulses(at: [time], to: &samples, rate: 500, height: height)
            height = height > 12 ? 1 : height * 1.7
            time += 3 + random.uniform()
        }
        var stream = MonitoredStream(rate: 500)
        stream.labels = labels
        try stream.feed(samples)
        stream.finish()
        #expect(stream.statuses.allSatisfy { !$0.status.isPaced })
        #expect(stream.beats.allSatisfy { $0.beat.pacing == BeatPacing() })
    }

    @Test func aPatientIsNoLongerPacedAMinuteAfterTheLastPulse() throws {
        let stream = try Self.paced(
            [.init(.sinus(rate: 75), seconds: 90)], rate: 500, pulsesBefore: [],
            without: Array(stride(from: 2, to: 12, by: 0.9)))
        let changes = stream.statuses.map(\.status.isPaced)
        #expect(changes.contains(true))
        #expect(changes.last == false)
        let ended = try #require(stream.statuses.last { $0.status.isPaced }).event.sampleIndex
        #expect((60...75).contains(stream.seconds(ended)))
    }

    @Test func aRestoredStreamKnowsItsPacemaker() throws {
        var (samples, labels) = simulated([.init(.ventricular(rate: 70), seconds: 20)], rate: 500, noise: Self.noise)
        Self.addPulses(at: labels.map { Double($0.rPeakIndex) / 500 - 0.06 }, to: &samples, rate: 500)
        var whole = MonitoredStream(rate: 500)
        whole.labels = labels
        var parts = whole
        try whole.feed(samples)
        for part in stride(from: 0, to: samples.count, by: 7) {
            try parts.feed(Array(samples[part..<min(part + 7, samples.count)]))
            if part % 700 == 0 { parts.monitor = try PatientMonitor(snapshot: parts.monitor.snapshot()) }
        }
        #expect(parts.events == whole.events)
    }
}
