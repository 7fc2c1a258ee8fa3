import ECGATKGAN
import ECGSignal
import StateCoding
import Testing

@testable import ECGMonitor

@Suite struct DamagedSnapshotTests {
    /// Streams in the middle of what can happen, and what their sources send next.
    private static func streams() throws -> [(stream: MonitoredStream, bytes: [UInt8])] {
        let script: [SimulatedSegment] = [
            .init(sinus72, seconds: 10), .init(.bigeminy(rate: 80), seconds: 12),
            .init(.ventricular(rate: 170), seconds: 6), .init(.atrialFibrillation(rate: 110), seconds: 25),
        ]
        var result: [(MonitoredStream, [UInt8])] = []
        for (rate, seconds) in [(360.0, 27.0), (250.0, 21), (999.5, 52), (360, 1)] {
            let (samples, labels) = simulated(script, rate: rate, noise: .resting)
            var stream = MonitoredStream(rate: rate)
            stream.labels = labels
            try stream.feed(Array(samples[..<Int(seconds * rate)]))
            stream.resolve()
            _ = stream.monitor.apply(
                AlarmCommand(.pause(.audio, seconds: 60), by: "a"), events: &stream.events)
            // And some marks that wait.
            if rate == 250 {
                _ = try stream.monitor.append(
                    stream.block(samples[Int(21 * rate)..<Int(24 * rate)], at: stream.nextIndex))
            }
            result.append((stream, stream.monitor.snapshot()))
        }
        return result
    }

    /// Gives a restored monitor everything that can come.
    private static func exercise(_ monitor: PatientMonitor, like stream: MonitoredStream, _ samples: [Float]) {
        var stream = stream
        stream.monitor = monitor
        stream.session = monitor.session ?? 7
        var index = monitor.nextSampleIndex
        func send(_ part: ArraySlice<Float>, leadOff: Bool = false, _ stream: inout MonitoredStream) {
            let receipt = try? stream.monitor.append(stream.block(part, at: index, leadOff: leadOff))
            index = receipt?.nextSampleIndex ?? index
            let answers = Array(
                repeating: BeatClassification(probabilities: SIMD4(0.1, 0.1, 0.7, 0.1), attackSuspicion: 0.9),
                count: stream.monitor.pendingWindowCount)
            answers.withUnsafeBufferPointer { stream.resolve($0) }
        }
        stream.events = []
        send(samples[..<3_000], &stream)
        _ = stream.monitor.apply(AlarmCommand(.list, by: "a"), events: &stream.events)
        _ = stream.monitor.apply(AlarmCommand(.acknowledge(kind: nil, number: nil), by: "a"), events: &stream.events)
        send(samples[3_000..<3_400], leadOff: true, &stream)
        send(samples[3_400..<4_000], &stream)
        index += 2_000
        send(samples[4_000..<5_000], &stream)
        stream.rate = 500
        send(samples[5_000...], &stream)
        stream.monitor.reportSignalLost(forSeconds: 3, events: &stream.events)
        stream.monitor.endInput()
        send([], &stream)
        let last = Array(
            repeating: BeatClassification(probabilities: .zero, attackSuspicion: 0),
            count: stream.monitor.pendingWindowCount)
        last.withUnsafeBufferPointer { stream.resolve($0) }
    }

    /// Puts the length and the checksum right.
    private static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        withUnsafeBytes(of: UInt32(bytes.count - 24).littleEndian) { bytes.replaceSubrange(8..<12, with: $0) }
        let checksum = bytes.withUnsafeBytes { CRC32.checksum(UnsafeRawBufferPointer(rebasing: $0[16...])) }
        withUnsafeBytes(of: checksum.littleEndian) { bytes.replaceSubrange(12..<16, with: $0) }
        return bytes
    }

    @Test func theChecksumIsTheKnownOne() {
        // The check value that catalogues of CRCs give for these nine digits.
        let bytes = Array("123456789".utf8)
        #expect(bytes.withUnsafeBytes { CRC32.checksum($0) } == 0xcbf4_3926)
    }

    @Test func bytesThatAreNoSnapshotAreRefused() throws {
        let bytes = try Self.streams()[0].bytes
        func refusal(_ bytes: [UInt8]) -> SnapshotError? {
            do throws(SnapshotError) {
                _ = try PatientMonitor(snapshot: bytes)
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal(bytes) == nil)
        #expect(refusal([]) == .notASnapshot)
        #expect(refusal(Array("SQLite format 3".utf8)) == .notASnapshot)
        #expect(refusal(Array(bytes.prefix(4))) == .wrongLength)
        #expect(refusal(bytes + [0]) == .wrongLength)
        #expect(refusal(bytes.dropLast()) == .wrongLength)
        var other = bytes
        other[4] += 1
        #expect(refusal(other) == .unknownVersion(UInt32(other[4])))
        other = bytes
        other[5_000] ^= 1
        #expect(refusal(other) == .damaged)
        other = bytes
        other[20] ^= 1
        #expect(refusal(Self.repaired(other)) == .otherLayout)
        #expect(refusal(Self.repaired(bytes + [0])) == .otherLayout)
        for length in stride(from: 24, to: bytes.count, by: 97) {
            let cut = refusal(Self.repaired(Array(bytes.prefix(length))))
            #expect(cut != nil)
        }
    }

    @Test func aSingleChangedBitIsNoticedWhereverItIs() throws {
        let bytes = try Self.streams()[1].bytes
        var random = SeededGenerator(seed: 5)
        for _ in 0..<2_000 {
            var damaged = bytes
            damaged[Int(random.next() % UInt64(bytes.count))] ^= 1 << UInt8(random.next() % 8)
            #expect(throws: SnapshotError.self) { _ = try PatientMonitor(snapshot: damaged) }
        }
    }

    @Test func damageWithAValidChecksumIsRefusedOrHarmless() throws {
        let (samples, _) = simulated(
            [
                .init(sinus72, seconds: 6), .init(.ventricular(rate: 150), seconds: 6),
                .init(.bigeminy(rate: 90), seconds: 8),
            ])
        let streams = try Self.streams()
        var random = SeededGenerator(seed: 77)
        let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff]
        var (refused, taken) = (0, 0)
        for round in 0..<4_000 {
            let (stream, bytes) = streams[round % streams.count]
            var damaged = bytes
            for _ in 0...Int(random.next() % 4) {
                let place = 24 + Int(random.next() % UInt64(bytes.count - 24))
                let length = min([1, 1, 4, 8][Int(random.next() % 4)], bytes.count - place)
                let kind = random.next() % 3
                let fill = extremes[Int(random.next() % 5)]
                for offset in 0..<length {
                    damaged[place + offset] = kind == 0 ? UInt8(truncatingIfNeeded: random.next()) : fill
                }
            }
            do throws(SnapshotError) {
                let monitor = try PatientMonitor(snapshot: Self.repaired(damaged))
                taken += 1
                if taken % 4 == 0 { Self.exercise(monitor, like: stream, samples) }
            } catch {
                refused += 1
            }
        }
        #expect(refused > 200 && taken > 200)
    }
}
