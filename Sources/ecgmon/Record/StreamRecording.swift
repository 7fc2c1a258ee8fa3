import ECGWire
import EDF
import Foundation
import ToolSupport

/// What a daemon publishes of one stream, as an EDF+ file: the waveform, and beats and alerts as annotations.
///
/// The waveform goes into data records by its sample index. A record with a hole has -32768 there, which lies outside its
/// digital range; a record of which nothing came is left out, and the file is then EDF+D.
struct StreamRecording {
    /// No sample.
    static let missing = Int16.min

    private let path: String
    private var writer: EDFWriter?
    private var leads: [String] = []
    private var rate = 0.0
    private var perRecord = 0
    private var session: UInt64 = 0
    /// Sample index of the file's first sample.
    private var origin: Int64 = 0
    /// Records that are not complete, by number.
    private var open: [Int64: [[Int16]]] = [:]
    private var nextRecord: Int64 = 0
    private var annotations: [EDFAnnotation] = []
    /// Samples of each lead that were written.
    private(set) var samples = 0
    private(set) var isOver = false

    /// Records that may wait for samples that come out of order.
    private static let openRecords = 3
    /// Annotations that may wait until the file begins.
    private static let waitingAnnotations = 10_000

    init(path: String) { self.path = path }

    /// Takes an event. Another session, rate or other leads end the recording: they cannot be in one file.
    mutating func take(_ event: WireEvent) throws(ToolError) {
        guard !isOver else { return }
        switch event.payload {
        case .waveform(let waveform): try take(waveform, of: event)
        case .beat(let beat):
            let letters: [WireBeatClass: String] = [
                .normal: "N", .supraventricular: "S", .ventricular: "V", .fusion: "F",
            ]
            note(event, "beat \(letters[beat.beatClass] ?? "?")", duration: nil)
        case .alert(let alert) where alert.phase == .started: note(event, "begins: \(alert.text)", duration: nil)
        case .alert(let alert) where alert.phase == .ended: note(event, "ends: \(alert.text)", duration: nil)
        case .suspicion(let suspicion): note(event, "suspicion \(suspicion.active ? "raised" : "withdrawn")", duration: nil)
        default: break
        }
    }

    private mutating func note(_ event: WireEvent, _ text: String, duration: Double?) {
        guard writer == nil || event.session == session, annotations.count < Self.waitingAnnotations else { return }
        // The index for now; seconds when the origin is known.
        annotations.append(EDFAnnotation(onset: Double(event.sampleIndex), duration: duration, text: text))
    }

    private mutating func take(_ waveform: WireWaveform, of event: WireEvent) throws(ToolError) {
        let names = [waveform.lead] + waveform.furtherLeads.map(\.name)
        if writer == nil { try begin(waveform, names, event) }
        guard names == leads, waveform.samplingRate == rate, event.session == session else {
            isOver = true
            return
        }
        let columns = [waveform.millivolts] + waveform.furtherLeads.map(\.millivolts)
        for (lead, column) in columns.enumerated() {
            for (offset, value) in column.enumerated() { put(value, at: event.sampleIndex + Int64(offset), lead: lead) }
        }
        samples += waveform.millivolts.count
        let last = (event.sampleIndex + Int64(waveform.millivolts.count) - origin) / Int64(perRecord)
        while let first = open.keys.min(), first < last - Int64(Self.openRecords) { try write(first) }
    }

    private mutating func begin(_ waveform: WireWaveform, _ names: [String], _ event: WireEvent) throws(ToolError) {
        rate = waveform.samplingRate
        leads = names
        session = event.session
        origin = event.sampleIndex
        guard rate >= 1, rate <= 100_000 else {
            throw ToolError("the stream has \(rate) samples a second", nextStep: "Ask its source")
        }
        // A record holds whole samples: 1 s if it can, else the nearest length that does.
        let seconds = (1...10).first { abs(rate * Double($0) - (rate * Double($0)).rounded()) < 1e-6 } ?? 1
        perRecord = Int((rate * Double(seconds)).rounded())
        let duration = Double(perRecord) / rate
        let start = event.acquisitionTimeNs > 0 ? event.acquisitionTimeNs / 1_000_000_000 : 0
        let date = Calendar(identifier: .gregorian).dateComponents(
            in: .gmt, from: Date(timeIntervalSince1970: Double(start)))
        let months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        let (day, month, year) = (date.day ?? 1, date.month ?? 1, date.year ?? 1985)
        let header = EDFHeader(
            kind: .continuous, patient: "\(event.stream) X X X",
            recording: "Startdate \(day < 10 ? "0" : "")\(day)-\(months[(month - 1) % 12])-\(year) X X ecgmon",
            startDate: (day, month, year), startSecond: Int(start % 86_400), recordDuration: duration,
            signals: names.map {
                EDFSignal(
                    label: "ECG \($0)", unit: "uV", physicalMinimum: -32_767, physicalMaximum: 32_767,
                    digitalMinimum: -32_767, digitalMaximum: 32_767, samplesPerRecord: perRecord)
            })
        do throws(EDFError) { writer = try EDFWriter(path: path, header: header) } catch {
            throw ToolError("\(error)", nextStep: "Name a file that does not exist yet")
        }
    }

    private mutating func put(_ millivolts: Float, at index: Int64, lead: Int) {
        let place = index - origin
        guard place >= 0 else { return }
        let number = place / Int64(perRecord)
        // What came too late for its record is left out.
        guard number >= nextRecord else { return }
        let microvolts = (Double(millivolts) * 1000).rounded()
        let count = abs(microvolts) <= 32_767 ? Int16(microvolts) : Self.missing
        open[number, default: leads.map { _ in [Int16](repeating: Self.missing, count: perRecord) }][lead][
            Int(place % Int64(perRecord))] = count
    }

    private mutating func write(_ number: Int64) throws(ToolError) {
        guard let columns = open.removeValue(forKey: number), let writer else { return }
        nextRecord = number + 1
        let onset = Double(number * Int64(perRecord)) / rate
        let ready = annotations.map {
            EDFAnnotation(onset: ($0.onset - Double(origin)) / rate, duration: $0.duration, text: $0.text)
        }
        annotations = []
        do throws(EDFError) {
            try writer.append(onset: onset, samples: columns, annotations: ready.filter { $0.onset >= 0 })
        } catch {
            throw ToolError("\(error)", nextStep: "Make room")
        }
    }

    /// Writes what is left. Nothing is written if nothing came.
    mutating func finish() throws(ToolError) {
        while let first = open.keys.min() { try write(first) }
        do throws(EDFError) {
            // Annotations for which there was no room yet follow with records that have no samples.
            while let writer, writer.waitingAnnotations > 0 {
                let onset = Double(nextRecord * Int64(perRecord)) / rate
                nextRecord += 1
                let empty = [Int16](repeating: Self.missing, count: perRecord)
                try writer.append(onset: onset, samples: leads.map { _ in empty })
            }
            try writer?.finish()
        } catch {
            throw ToolError("\(error)", nextStep: "Make room")
        }
    }
}
