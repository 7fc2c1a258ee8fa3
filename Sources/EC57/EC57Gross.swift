/// Gross statistics: the counts of many records added together, as EC57 requires.
extension EC57Figures {
    /// Gross statistics of all records ("all"), and of each split of the mitdb of which all records are present: "DS1",
    /// "DS2", and "DS2 without 202", whose subject is also in DS1.
    public static func gross(_ scored: [(name: String, score: EC57Score)]) -> [String: EC57Figures] {
        let names = scored.map(\.name)
        return sets(names).reduce(into: [:]) { gross, set in
            var total = EC57Score()
            for record in scored where set.members.contains(record.name) { total += record.score }
            gross[set.name] = EC57Figures(total, records: set.members.count)
        }
    }

    /// The sets of records that have gross statistics: all, and the splits of the mitdb of which all records are
    /// present.
    public static func sets(_ names: [String]) -> [(name: String, members: Set<String>)] {
        let splits = [
            ("DS1", RecordSplit.ds1), ("DS2", RecordSplit.ds2),
            ("DS2 without 202", RecordSplit.ds2.filter { $0 != "202" }),
        ]
        return [("all", Set(names))]
            + splits.map { ($0.0, Set($0.1)) }.filter { $0.1.isSubset(of: names) && $0.1 != Set(names) }
    }

    /// Gross statistics in the order in which tables show them.
    public static func grossInOrder(_ gross: [String: EC57Figures]) -> [(name: String, figures: EC57Figures)] {
        ["all", "DS1", "DS2", "DS2 without 202"].compactMap { name in
            gross[name].map { (name: name, figures: $0) }
        }
    }
}
