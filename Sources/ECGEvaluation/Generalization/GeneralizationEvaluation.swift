import ECGATKGAN
import ECGReplay
import ECGSignal
import FoundationEssentials
import ToolSupport
import WFDB

/// The monitor on every database that is at hand, each scored as its references allow, in one run.
public struct GeneralizationEvaluation: Sendable {
    public var model: LoadedModel
    /// Only a few records of each database.
    public var isQuick: Bool
    /// The lead, by name or number, or ``RecordLead/all``; nil: in each record the first signal that is an ECG.
    public var lead: String?
    /// Networks of the ventricular rhythm detector to use instead of the shipped one, for the records they held out.
    public var heldOut: HeldOutNetworks?
    /// How each record would have been recorded elsewhere; nil: as it is.
    public var change: RecordedOtherwise?
    /// For the changes that need it.
    public var muscleNoise: RecordedOtherwise.MuscleNoise?
    public var runtime: EvaluationRuntime

    public init(
        _ model: LoadedModel, quick: Bool = false, lead: String? = nil, heldOut: HeldOutNetworks? = nil,
        runtime: EvaluationRuntime = .init()
    ) {
        self.model = model
        isQuick = quick
        self.lead = lead
        self.heldOut = heldOut
        self.runtime = runtime
    }

    private var usesAllLeads: Bool { lead == RecordLead.all }

    /// The folders of records in the databases' folder: the known ones in their order, then others by name.
    public static func foundDatabases(in root: String = RecordDatabase.root) -> [String] {
        let folders = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).sorted().filter { name in
            guard RecordDatabase.isDirectory("\(root)/\(name)") else { return false }
            let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(name)")) ?? []
            return files.contains { $0.hasSuffix(".hea") || $0 == "RECORDS" }
        }
        let known = ScoringProtocol.known.map(\.database).filter(folders.contains)
        return known + folders.filter { !known.contains($0) }
    }

    /// Scores databases as they are, and with each change.
    ///
    /// - Parameters:
    ///   - names: as for `report`.
    ///   - changes: of one lead of each record.
    /// - Throws: as `report`; if muscle noise is wanted and the noise stress test database is not at hand.
    public func changed(_ names: [String], _ changes: [RecordedOtherwise]) async throws -> ChangedRecordsReport {
        var report = ChangedRecordsReport(model: model.identity, rows: [])
        let noise = try changes.contains(where: \.needsMuscleNoise) ? RecordedOtherwise.MuscleNoise() : nil
        for change in [nil] + changes.map(Optional.some) {
            var evaluation = self
            (evaluation.change, evaluation.muscleNoise) = (change, noise)
            report.rows.append(.init(try await evaluation.report(names), change: change))
        }
        return report
    }

    /// Scores databases.
    ///
    /// - Parameter names: folders, or names of some in the databases' folder, in the order of the report. One that is
    ///   absent, and records that cannot be read, are named in the report and left out.
    /// - Throws: `ToolError` if no record could be read at all; `EvaluationCancelled`.
    public func report(_ names: [String]) async throws -> GeneralizationReport {
        var sources: [Source] = []
        var leftOut: [GeneralizationReport.LeftOut] = []
        for name in names {
            do throws(ToolError) {
                sources.append(try Source(name, lead: usesAllLeads ? nil : lead, quick: isQuick))
            } catch {
                leftOut.append(.init(database: Self.folder(name), records: 0, because: error.problem))
            }
        }
        let (outcomes, refused) = try await outcomes(sources)
        leftOut += refused
        guard outcomes.contains(where: { !$0.isEmpty }) else {
            throw ToolError(
                "no record was scored: \(leftOut.first?.because ?? "no database was found in \(RecordDatabase.root)")",
                nextStep: "Bring the databases with `ecgmon data fetch`, or set ECGMON_DATABASES")
        }
        let parts = zip(sources, outcomes).flatMap { self.parts($0, $1) }
        return GeneralizationReport(
            model: model.identity, lead: lead, heldOut: heldOut?.path, quick: isQuick, parts: parts, leftOut: leftOut)
    }

    /// The last part of a path.
    private static func folder(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// A database with the records to score.
    private struct Source: Sendable {
        var database: RecordDatabase
        var scoring: ScoringProtocol
        var records: [String]
        var bedsideAlarms: [String: (kind: String, isTrue: Bool)]
        var recordClasses: [String: String]

        init(_ name: String, lead: String?, quick: Bool) throws(ToolError) {
            database = try RecordDatabase(name, lead: lead)
            scoring = ScoringProtocol(folder: GeneralizationEvaluation.folder(database.directory))
            // A folder without annotations still tells how often there are alarms.
            if let annotated = try? database.scoredRecords(nil) {
                records = annotated
            } else {
                records = try database.records()
                if scoring.isUnknown { scoring = scoring.withoutAnnotations }
            }
            if quick {
                let (all, count) = (records, min(scoring.quickRecords, records.count))
                records = (0..<count).map { all[(2 * $0 + 1) * all.count / (2 * count)] }
            }
            bedsideAlarms = RecordLabels.bedsideAlarms(in: database.directory)
            recordClasses = RecordLabels.recordClasses(in: database.directory)
        }
    }

    private struct Job: Sendable {
        var source: Int
        var record: Int
        var hours: Double
    }

    private typealias Scored = (record: String, score: GeneralizationScore)

    /// The scores of the records of each source, in order, and what could not be read.
    private func outcomes(
        _ sources: [Source]
    ) async throws -> (scores: [[Scored]], leftOut: [GeneralizationReport.LeftOut]) {
        var jobs: [Job] = []
        for (index, source) in sources.enumerated() {
            for (record, name) in source.records.enumerated() {
                let place = RecordPath(name, in: source.database.directory)
                let header = try? RecordHeader.read(place.name, in: place.directory)
                let seconds = header.map { Double($0.frameCount ?? 0) / $0.samplingRate } ?? 0
                jobs.append(Job(source: index, record: record, hours: seconds / 3600))
            }
        }
        // The longest first, so that no thread is left with one at the end.
        jobs.sort { ($1.hours, $0.source, $0.record) < ($0.hours, $1.source, $1.record) }
        let progress = runtime.makeProgress(jobs.reduce(0) { $0 + $1.hours })
        defer { progress.end() }
        let (runtime, classifier, heldOut, allLeads) = (runtime, model.classifier, heldOut, usesAllLeads)
        let (change, noise) = (change, muscleNoise)
        let results = try await RecordBatch.map(jobs, jobs: runtime.threads, showsProgress: false) { job in
            if runtime.isCancelled() { throw EvaluationCancelled() }
            let source = sources[job.source]
            let name = source.records[job.record]
            progress.begin("\(source.scoring.database) \(name)")
            defer { progress.advance(job.hours) }
            return Result { () throws(ToolError) in
                do {
                    let network = heldOut?.network(for: name, in: source.scoring.database)
                    return try VentricularRhythmNetwork.$inUse.withValue(network ?? .shipped) {
                        try GeneralizationScore(
                            name, in: source.database, as: source.scoring,
                            labels: .init(
                                bedsideAlarm: source.bedsideAlarms[name], recordClass: source.recordClasses[name]),
                            classifier: classifier, allLeads: allLeads,
                            changing: { change?.applied(to: $0, rate: $1, name: name, noise: noise) ?? $0 })
                    }
                } catch {
                    throw error as? ToolError ?? ToolError("record \(name): \(error)", nextStep: "")
                }
            }
        }
        var scores = sources.map { [Scored?](repeating: nil, count: $0.records.count) }
        var refused = sources.map { _ in [String]() }
        for (job, result) in zip(jobs, results) {
            switch result {
            case .success(let score):
                scores[job.source][job.record] = (sources[job.source].records[job.record], score)
            case .failure(let error): refused[job.source].append(error.problem)
            }
        }
        let leftOut = zip(sources, refused).filter { !$1.isEmpty }.map { source, problems in
            GeneralizationReport.LeftOut(
                database: source.scoring.database, records: problems.count, because: problems.min() ?? "")
        }
        return (scores.map { $0.compactMap(\.self) }, leftOut)
    }

    /// The rows of one database: records that were in view in the same way are one row.
    private func parts(_ source: Source, _ scored: [Scored]) -> [GeneralizationReport.Part] {
        let card = model.card
        func uses(_ record: String) -> [RecordsInView.Use] {
            RecordsInView.Part.allCases.map {
                let use = RecordsInView.use($0, of: record, in: source.scoring.database, card: card)
                // The rule's constants were chosen on all records, whatever the network has seen.
                let isHeldOut = heldOut?.network(for: record, in: source.scoring.database) != nil
                return $0 == .ventricularRhythms && isHeldOut ? min(use, .chosen) : use
            }
        }
        let groups = Dictionary(grouping: scored) { uses($0.record) }
        let order = groups.keys.sorted { a, b in a.lexicographicallyPrecedes(b) { $1 < $0 } }
        return order.map { uses in
            let members = groups[uses] ?? []
            var total = GeneralizationScore()
            for member in members { total += member.score }
            return GeneralizationReport.Part(
                source.scoring, records: members.map(\.record), total,
                uses: Dictionary(uniqueKeysWithValues: zip(RecordsInView.Part.allCases, uses)))
        }
    }
}
