import ECGReplay
import ECGSignal
package import ECGWire

/// Patients who come and go and send parts of their signal: what each sends in each step of the simulated time. A
/// seeded value type with neither clock nor socket.
///
/// An hour is sampled in `stepsInHour` steps. In each step, an active stream sends one second of signal; streams
/// without gaps send everything between two steps. Most streams are active for a twentieth of the steps of an hour, at
/// a time of their own within it, and one in twenty is active for all of them. Sample indices and acquisition times
/// advance as if everything had been recorded, so that the gaps have their exact lengths.
package struct SimulatedWard: Sendable {
    /// What to send, in this order.
    package enum Message: Sendable {
        /// A block that must be accepted.
        case block(WireSampleBlock)
        /// The same block again: all its samples are duplicates.
        case again(WireSampleBlock)
        /// A block that must be rejected for this cause.
        case wrong(WireSampleBlock, cause: String)
    }

    private struct Patient {
        var name: String
        var isWhole = false
        var session: UInt64 = 1
        /// Simulated second at which sample 0 of the session was acquired.
        var sessionStart = 0
        var rate = 100
        var lead = "II"
        var material = 0
        /// Where this hour's part starts within the material, in seconds.
        var offset = 0
        /// Inactive before this hour.
        var awayUntil = 0
        /// The steps of this hour in which it is active.
        var heard = 0..<0
        var trouble = Trouble.none
    }

    private enum Trouble: CaseIterable {
        case none
        // Problems in the signal.
        case leadOff, flat, saturated, invalid
        // Problems in transport to the daemon.
        case twice, reordered, stale, unusable
    }

    package let stepsInHour: Int
    private let heardSteps: Int
    private let startNanoseconds: Int64
    private let rates = [100, 125, 250]
    /// By material and rate: ten minutes each, as counts.
    private let materials: [[[Int32]]]
    private var patients: [Patient]
    private var admitted: Int
    private var random: SeededGenerator
    private static let materialSeconds = 600
    private static let gain = 200.0

    /// For a session every stream has one of these rhythms; most have the first.
    private static let scripts = [
        "sinus@72", "sinus@58", "sinus@45", "sinus@36", "sinus@130", "sinus@155", "af@95", "af@135", "bigeminy",
        "trigeminy", "pvc",
        "couplets", "runs", "apc", "svt@190", "sinus@80:20,vt@170:12,sinus@80:40", "sinus:30,vf:15,sinus:40",
        "sinus:25,asystole:9,sinus@50:30", "vt@75:20,sinus@80:60",
    ]

    /// - Parameters:
    ///   - streams: number of streams monitored at a time.
    ///   - whole: number of these that are sent without gaps.
    ///   - heardSeconds: seconds per hour that most streams send, 1 ... 180.
    ///   - startNanoseconds: start of the simulated time, UTC in ns since 1970.
    package init(streams: Int, whole: Int, heardSeconds: Int, seed: UInt64, startNanoseconds: Int64) {
        stepsInHour = heardSeconds * 20
        heardSteps = heardSeconds
        self.startNanoseconds = startNanoseconds
        random = SeededGenerator(seed: seed)
        materials = Self.scripts.enumerated().map { number, script in
            [100, 125, 250].map { rate in
                Self.counts(script, rate: rate, seed: seed &+ UInt64(number))
            }
        }
        patients = (0..<streams).map { Patient(name: "bed-\($0)", isWhole: $0 < whole) }
        admitted = streams
        for index in patients.indices { beginSession(index, at: 0) }
    }

    private static func counts(_ script: String, rate: Int, seed: UInt64) -> [Int32] {
        var segments = RhythmScript(script)?.segments ?? []
        let length = segments.reduce(0) { $0 + $1.seconds }
        if length.isFinite {
            segments = Array(repeating: segments, count: materialSeconds / max(1, Int(length)) + 1).flatMap { $0 }
        }
        let configuration = ECGSimulator.Configuration(samplingRate: Double(rate), seed: seed, script: segments)
        return ReplayMaterial(simulating: configuration, seconds: Double(materialSeconds)).counts
    }

    /// Number of streams monitored at a time.
    package var count: Int { patients.count }
    /// Names of the streams monitored now.
    package var names: [String] { patients.map(\.name) }
    /// All names so far, including those of patients who have left.
    package var namesGiven: Int { admitted }

    // MARK: An hour

    /// Patient changes at the start of an hour; call it before the hour's first step.
    package mutating func begin(hour: Int) {
        for index in patients.indices {
            let second = hour * 3600
            patients[index].trouble = .none
            if patients[index].isWhole {
                patients[index].heard = 0..<stepsInHour
                continue
            }
            patients[index].heard = 0..<0
            guard hour >= patients[index].awayUntil else { continue }
            switch number(1000) {
            case 0..<5 where hour > 0:
                // A new patient, whose stream has a new name; the previous stream never sends again.
                patients[index] = Patient(name: "bed-\(admitted)")
                admitted += 1
                beginSession(index, at: second)
            case 5..<25 where hour > 0:
                patients[index].awayUntil = hour + 1 + number(8)
                if number(2) == 0 { beginSession(index, at: patients[index].awayUntil * 3600) }
                continue
            case 25..<50: beginSession(index, at: second)
            case 50..<60: patients[index].lead = patients[index].lead == "II" ? "V1" : "II"
            case 60..<180:
                // A source that keeps its blocks sends them in order and only once.
                let kinds = isAcknowledged(index) ? 4 : Trouble.allCases.count - 1
                patients[index].trouble = Trouble.allCases[1 + number(kinds)]
            default: break
            }
            let length = number(20) == 0 ? stepsInHour : heardSteps
            let first = number(stepsInHour - length + 1)
            patients[index].heard = first..<(first + length)
            patients[index].offset = number(Self.materialSeconds)
        }
    }

    /// A new session, with another rate and rhythm.
    private mutating func beginSession(_ index: Int, at second: Int) {
        patients[index].session += 1
        patients[index].sessionStart = second
        patients[index].rate = rates[[0, 0, 0, 0, 1, 1, 1, 1, 2][number(9)]]
        patients[index].material = number(2) == 0 ? 0 : number(Self.scripts.count)
    }

    private mutating func number(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    // MARK: A step

    /// What a stream sends in one step of an hour.
    package func messages(of index: Int, hour: Int, step: Int) -> [Message] {
        let patient = patients[index]
        guard patient.heard.contains(step) else { return [] }
        let place = step - patient.heard.lowerBound
        if patient.isWhole {
            let begin = hour * 3600 * patient.rate + step * 3600 * patient.rate / stepsInHour
            let end = hour * 3600 * patient.rate + (step + 1) * 3600 * patient.rate / stepsInHour
            return [.block(block(patient, begin..<end, materialFrom: begin))]
        }
        let second = hour * 3600 + patient.heard.lowerBound * 3600 / stepsInHour + place
        let begin = (second - patient.sessionStart) * patient.rate
        return troubled(
            patient, begin..<(begin + patient.rate), materialFrom: (patient.offset + place) * patient.rate, place)
    }

    private func troubled(_ patient: Patient, _ range: Range<Int>, materialFrom: Int, _ place: Int) -> [Message] {
        var whole = block(patient, range, materialFrom: materialFrom)
        // Not in the first second: a duplicate or late block needs an earlier one to be compared with.
        guard place > 0 else { return [.block(whole)] }
        switch patient.trouble {
        case .none: break
        case .leadOff: whole.leadOff = place % 8 < 4
        case .flat: whole.counts = Array(repeating: 7, count: range.count)
        case .saturated: whole.counts = Array(repeating: 2047, count: range.count)
        case .invalid:
            whole.millivolts = whole.counts.map { Float($0) / Float(Self.gain) }
            whole.counts = []
            for index in stride(from: 0, to: range.count, by: 3) { whole.millivolts[index] = .nan }
        case .twice: return [.block(whole), .again(whole)]
        case .reordered:
            // A fifth of a second overtakes the part before it.
            let part = range.count / 5
            let parts = (0..<5).map { number in
                let first = range.lowerBound + number * part
                let end = number == 4 ? range.upperBound : first + part
                return block(patient, first..<end, materialFrom: materialFrom + number * part)
            }
            return [0, 2, 1, 4, 3].map { .block(parts[$0]) }
        case .stale:
            var stale = whole
            stale.session -= 1
            return [.block(whole), .wrong(stale, cause: "stale_session")]
        case .unusable:
            var unusable = whole
            unusable.gain = 0
            return [.block(whole), .wrong(unusable, cause: "unusable_gain")]
        }
        return [.block(whole)]
    }

    /// Whether a stream's samples go to the acknowledged endpoint; true for every other stream.
    package func isAcknowledged(_ index: Int) -> Bool { index % 2 == 1 }

    private func block(_ patient: Patient, _ range: Range<Int>, materialFrom: Int) -> WireSampleBlock {
        var block = WireSampleBlock()
        block.schemaVersion = SampleBlockLimits.schemaVersion
        block.stream = patient.name
        block.session = patient.session
        block.firstSampleIndex = Int64(range.lowerBound)
        block.samplingRate = Double(patient.rate)
        let second = Double(patient.sessionStart) + Double(range.lowerBound) / Double(patient.rate)
        block.acquisitionTimeNs = startNanoseconds + Int64((second * 1e9).rounded())
        block.lead = patient.lead
        block.gain = Self.gain
        let counts = materials[patient.material][rates.firstIndex(of: patient.rate) ?? 0]
        var place = materialFrom % counts.count
        block.counts.reserveCapacity(range.count)
        for _ in range {
            block.counts.append(counts[place])
            place = place + 1 == counts.count ? 0 : place + 1
        }
        return block
    }
}
