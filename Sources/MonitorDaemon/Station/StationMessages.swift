/// What goes over a viewer's WebSocket, as JSON objects in text frames; `type` tells which. The page that takes them is
/// served by the same daemon, so they are no contract.
enum StationMessage {
    /// Values of a strip: the index of the first, then the values of each lead.
    struct Stretch: Encodable, Equatable {
        var first: Int64
        var leads: [LeadValues]

        func encode(to encoder: any Encoder) throws {
            var list = encoder.unkeyedContainer()
            try list.encode(first)
            for lead in leads { try list.encode(lead) }
        }
    }

    /// The values of one lead; nil: no valid sample.
    struct LeadValues: Encodable, Equatable {
        var values: [StripDecimator.Value]

        func encode(to encoder: any Encoder) throws {
            var list = encoder.singleValueContainer()
            try list.encode(values.map { $0 == StripDecimator.none ? nil : $0 })
        }
    }

    /// A beat: where, the letter of its class, and the RR interval before it in ms; 0: unknown.
    struct Beat: Encodable, Equatable {
        var place: Int64
        var letter: String
        var interval: Int

        func encode(to encoder: any Encoder) throws {
            var list = encoder.unkeyedContainer()
            try list.encode(place)
            try list.encode(letter)
            try list.encode(interval)
        }
    }

    struct Lead: Encodable, Equatable {
        var name: String
        var condition: String
        var words: String
    }

    struct Pause: Encodable, Equatable {
        var kind: String
        var seconds: Double
        var by: String
    }

    struct Alarm: Encodable, Equatable {
        var id: String
        var kind: String
        var name: String
        var number: UInt32
        var priority: String
        var text: String
        var acknowledgedBy: String?
        var isLatched: Bool
    }

    /// Everything about a bed but its samples and beats.
    struct Status: Encodable, Equatable {
        /// A text: JavaScript's numbers do not hold 64 bits.
        var session: String
        /// Values a second.
        var rate: Double
        var leads: [Lead]
        var heartRate: Double?
        var condition: String
        var state: String
        var rhythm: String
        var paced: Bool
        /// What is suspected now: attack, replay, or both.
        var suspicions: [String]
        /// From, and until: nil: it goes on.
        var suspected: [[Int64?]]
        var pause: Pause?
        /// The gravest first.
        var alarms: [Alarm]
    }

    struct BedChange: Encodable {
        var name: String
        var status: Status?
        var strip: [Stretch]?
        var beats: [Beat]?

        var isEmpty: Bool { status == nil && strip == nil && beats == nil }
    }

    /// Everything that the page shows.
    struct State: Encodable {
        let type = "state"
        var version: String
        var mayCommand: Bool
        var bedsNotShown: Int
        var beds: [BedChange]
    }

    /// What has changed.
    struct Tick: Encodable {
        let type = "tick"
        var bedsNotShown: Int?
        var beds: [BedChange]
        var gone: [String]?
    }

    /// A gateway of a cluster does not reach the brokers: what was sent before may be wrong by now.
    struct Cut: Encodable {
        let type = "cut"
    }

    /// An alarm that began, in this run of the daemon or, with a journal, before.
    struct PastAlarm: Encodable, Equatable {
        var id: String
        var kind: String
        var priority: String
        var text: String
        /// When it began: ms since 1970; 0: unknown.
        var time: Int64
        /// Why it is over; empty: it is on.
        var end: String
        var hasStrip: Bool
    }

    /// A minute of the heart rate or of the RR intervals: minutes since 1970, mean, least, greatest.
    struct TrendPoint: Encodable, Equatable {
        var minute: Int64
        var mean: Double
        var least: Double
        var greatest: Double

        func encode(to encoder: any Encoder) throws {
            var list = encoder.unkeyedContainer()
            try list.encode(minute)
            for value in [mean, least, greatest] { try list.encode((value * 10).rounded() / 10) }
        }
    }

    /// A class letter and an RR interval in ms.
    struct Interval: Encodable, Equatable {
        var letter: String
        var milliseconds: Int

        func encode(to encoder: any Encoder) throws {
            var list = encoder.unkeyedContainer()
            try list.encode(letter)
            try list.encode(milliseconds)
        }
    }

    /// What a viewer sees of a bed that it has opened.
    struct Bed: Encodable {
        let type = "bed"
        var bed: String
        var strip: [Stretch]
        var trend: [TrendPoint]
        /// RR intervals in ms.
        var intervalTrend: [TrendPoint]
        var intervals: [Interval]
        var history: [PastAlarm]
        var limits: Limits?
    }

    /// What has changed of it.
    struct Detail: Encodable {
        let type = "detail"
        var bed: String
        var strip: [Stretch]
        var trend: [TrendPoint]?
        var intervalTrend: [TrendPoint]?
        var history: [PastAlarm]?
        var limits: Limits?
    }

    /// The limits that hold for a bed.
    struct Limits: Encodable, Equatable {
        struct Limit: Encodable, Equatable {
            var key: String
            var name: String
            var unit: String
            var value: Double
            /// As the configuration has it.
            var configured: Double
            var least: Double
            var greatest: Double
            var step: Double
        }

        var limits: [Limit]
        /// Who set them last; nil: they are the configuration's.
        var by: String?
        /// When: ms since 1970.
        var time: Int64?

        init(_ inForce: LimitsInForce) {
            limits = BedLimit.allCases.map { limit in
                Limit(
                    key: limit.rawValue, name: limit.name, unit: limit.unit, value: limit.value(in: inForce.current),
                    configured: limit.value(in: inForce.configured), least: limit.range.lowerBound,
                    greatest: limit.range.upperBound, step: limit.step)
            }
            by = inForce.set?.by
            time = inForce.set.map { $0.at / 1_000_000 }
        }
    }

    /// The strip around an alarm.
    struct Strip: Encodable {
        let type = "strip"
        var bed: String
        var alarm: String
        var rate: Double
        var leads: [String]
        var from: Int64
        var onset: Int64
        var values: [LeadValues]
        var beats: [Beat]
        var suspected: [[Int64?]]
    }

    struct Reply: Encodable {
        let type = "reply"
        var number: UInt64
        var result: String
        var text: String
    }

    struct Refused: Encodable {
        let type = "refused"
        var reason: String
    }

    /// What a viewer says.
    struct Request: Decodable {
        var type: String
        var token: String?
        var bed: String?
        var alarm: String?
        var number: UInt64?
        var action: String?
        var kind: String?
        var alert: UInt32?
        var by: String?
        /// With the action "limits": those that change. Without: those of the configuration shall hold.
        var limits: [String: Double]?
    }
}
