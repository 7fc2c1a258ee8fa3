import FoundationEssentials

public struct QRSDetection: Sendable, Equatable {
    public var rPeakIndex: Int64
    public var detectedAtIndex: Int64
    public var amplitude: Float
    public var foundBySearchBack: Bool
}

struct Tuning: Sendable {
    var dominance = 50
    var decisionDelay = 131
    var refractory = 72
    var learning = 720
    var thE: Float = 0.5       // fraction on energy (sqrt domain)
    var thF: Float = 0.4
    var sbFactor: Float = 0.5
    var sbRR: Float = 1.66
    var tSlope: Float = 0.5
    var tWindow = 130
    var relearn = 8 * 360
    var irregularHalves = false
    var median = true
    var minBP: Float = 30      // uV absolute floor
    var x1: Float = 0, x2: Float = 0, x3: Float = 0, x4: Float = 0, x5: Float = 0, x6: Float = 0
}

struct Candidate: Sendable {
    var fiducial: Int64 = 0     // input time of the band-passed extremum
    var energy: Float = 0       // sqrt of integrated
    var bandPass: Float = 0
    var slope: Float = 0
}

struct Last8: Sendable {
    var v = InlineArray<8, Float>(repeating: 0)
    var count = 0
    var pos = 0
    mutating func push(_ x: Float) { v[pos & 7] = x; pos &+= 1; count = min(count + 1, 8) }
    mutating func reset() { count = 0; pos = 0 }
    func median() -> Float {
        if count == 0 { return 0 }
        var s = v
        for i in 1..<max(count, 1) where count > 1 {
            let x = s[i]; var j = i - 1
            while j >= 0 && s[j] > x { s[j + 1] = s[j]; j -= 1 }
            s[j + 1] = x
        }
        return count & 1 == 1 ? s[count / 2] : 0.5 * (s[count / 2] + s[count / 2 - 1])
    }
    func mean() -> Float { var t: Float = 0; for i in 0..<count { t += v[i] }; return count > 0 ? t / Float(count) : 0 }
}

public struct PanTompkinsDetector: Sendable {
    var t: Tuning
    var filters = PanTompkinsFilters()
    var n: Int64 = 0
    var first: Float = 0
    var lastFinite: Float = 0
    var raw = InlineArray<512, Float>(repeating: 0)
    var bp = InlineArray<256, Int32>(repeating: 0)
    var sl = InlineArray<256, Int32>(repeating: 0)
    // peak search in mwi
    var maxV: Int64 = 0, maxI: Int64 = 0, rising = false, prevV: Int64 = 0
    // pending
    var pending: [Candidate] = []
    var rejected: [Candidate] = []
    var queue: [QRSDetection] = []
    var learned = false
    var qrsE = Last8(), qrsF = Last8(), noiseE = Last8(), noiseF = Last8(), rr = Last8(), qrsS = Last8()
    var rrReg = Last8()
    var lastBeat: Candidate? = nil
    var lastBeatAt: Int64 = 0
    var trace: (@Sendable (String) -> Void)? = nil

    public init() { t = Tuning() }
    init(tuning: Tuning) { t = tuning }
    public mutating func reset() { self = PanTompkinsDetector(tuning: t) }

    public mutating func step(_ mv: Float) -> QRSDetection? {
        let x = mv.isFinite ? min(max(mv, -60), 60) : lastFinite
        if n == 0 { first = x }
        lastFinite = x
        raw[Int(n & 511)] = x
        let f = filters.step(Int32(((x - first) * 1000).rounded()))
        bp[Int(n & 255)] = f.bandPassed
        sl[Int(n & 255)] = f.slope
        let v = f.integrated
        if v > maxV { maxV = v; maxI = n; rising = v > prevV || rising }
        else if n - maxI >= Int64(t.dominance) {
            if rising && maxV > 0 { candidate() }
            maxV = v; maxI = n; rising = false
        }
        prevV = v
        decide()
        n += 1
        if !queue.isEmpty { return queue.removeFirst() }
        return nil
    }

    mutating func candidate() {
        var best: Int32 = -1; var at: Int64 = 0
        var j = maxI - 4
        while j > maxI - 58 { let a = abs(bp[Int(j & 255)]); if a > best { best = a; at = j }; j -= 1 }
        var s: Int32 = 0
        // slope about the fiducial
        j = at + 4 - 20
        while j <= min(at + 4 + 20, n) { s = max(s, abs(sl[Int(j & 255)])); j += 1 }
        let c = Candidate(fiducial: at - 38, energy: (Float(maxV) / 54).squareRoot(), bandPass: Float(best), slope: Float(s))
        trace?("cand \(c.fiducial) e \(c.energy) f \(c.bandPass) s \(c.slope)")
        // refractory against pending
        if let l = pending.last, c.fiducial - l.fiducial < Int64(t.refractory) {
            if c.energy > l.energy { pending[pending.count - 1] = c }
            return
        }
        pending.append(c)
    }

    mutating func decide() {
        if !learned {
            if n < Int64(t.learning) { return }
            learn()
        }
        while let c = pending.first, n >= c.fiducial + Int64(t.decisionDelay) {
            pending.removeFirst()
            classify(c)
        }
        searchBack()
    }

    mutating func learn() {
        // largest of the two seconds
        var es = pending.map(\.energy).sorted(), fs = pending.map(\.bandPass).sorted(), ss = pending.map(\.slope).sorted()
        guard let e = es.popLast(), let f = fs.popLast(), let s = ss.popLast() else { learned = true; return }
        let e2 = es.last.map { $0 > 0.5 * e ? $0 : e } ?? e, f2 = fs.last.map { $0 > 0.5 * f ? $0 : f } ?? f
        qrsE.push(e2); qrsF.push(f2); qrsS.push(s)
        noiseE.push(0); noiseF.push(0)
        learned = true
    }

    func est(_ l: Last8) -> Float { t.median ? l.median() : l.mean() }
    var thr: (Float, Float) {
        let qe = est(qrsE), ne = est(noiseE), qf = est(qrsF), nf = est(noiseF)
        return (ne + t.thE * max(qe - ne, 0), nf + t.thF * max(qf - nf, 0))
    }

    func isTWave(_ c: Candidate) -> Bool {
        guard let l = lastBeat, c.fiducial - l.fiducial < Int64(t.tWindow) else { return false }
        return c.slope < t.tSlope * l.slope
    }

    mutating func classify(_ c: Candidate) {
        if let l = lastBeat, c.fiducial - l.fiducial < Int64(t.refractory) { return }
        let (te, tf) = thr
        trace?("  decide \(c.fiducial) th \(te) \(tf)")
        if isTWave(c) { noise(c); return }
        if c.energy > te && c.bandPass > max(tf, t.minBP) { accept(c, back: false) }
        else { noise(c); rejected.append(c); if rejected.count > 32 { rejected.removeFirst() } }
    }

    mutating func noise(_ c: Candidate) {
        noiseE.push(c.energy); noiseF.push(c.bandPass)
    }

    mutating func accept(_ c: Candidate, back: Bool) {
        if let l = lastBeat { rr.push(Float(c.fiducial - l.fiducial)) }
        qrsE.push(c.energy); qrsF.push(c.bandPass); qrsS.push(c.slope)
        lastBeat = c
        rejected.removeAll { $0.fiducial < c.fiducial + Int64(t.refractory) }
        queue.append(QRSDetection(rPeakIndex: refine(c.fiducial), detectedAtIndex: n, amplitude: 0, foundBySearchBack: back))
        trace?("  BEAT \(c.fiducial) back \(back)")
    }

    func refine(_ f: Int64) -> Int64 { f }

    mutating func searchBack() {
        let since = lastBeat?.fiducial ?? 0
        let avg = rr.count > 0 ? est(rr) : 360
        let due = Float(n - Int64(t.decisionDelay) - since) > t.sbRR * avg
        if due && !rejected.isEmpty {
            let (te, tf) = thr
            var best = -1
            for (i, c) in rejected.enumerated() where c.energy > te * t.sbFactor && c.bandPass > max(tf * t.sbFactor, t.minBP) {
                if best < 0 || c.energy > rejected[best].energy { best = i }
            }
            if best >= 0 { let c = rejected.remove(at: best); accept(c, back: true) }
        }
        if n - since - Int64(t.decisionDelay) == Int64(t.relearn) {
        }
    }

    public mutating func flush() -> [QRSDetection] {
        if !learned { learn() }
        for c in pending { classify(c) }
        pending = []
        let q = queue; queue = []; return q
    }
}
