/// The trace as path data in hundredths of a millimetre.
enum TracePath {
    /// Samples closer together than this are drawn as their lowest and highest, in hundredths of a millimetre.
    private static let finest = 5

    /// - Returns: relative lines, broken where samples are invalid.
    static func path(
        _ millivolts: [Float], millimetresPerSample: Double, scale: ECGStripDrawing.VerticalScale
    ) -> String {
        var points: [(x: Int, y: Int)?] = []
        for (index, sample) in millivolts.enumerated() {
            guard sample.isFinite else {
                points.append(nil)
                continue
            }
            let x = Int((100 * Double(index) * millimetresPerSample).rounded())
            let y = Int((100 * min(max(scale.y(Double(sample)), 0), scale.height)).rounded())
            points.append((x, y))
        }
        return text(thinned(points))
    }

    private static func thinned(_ points: [(x: Int, y: Int)?]) -> [(x: Int, y: Int)?] {
        var result: [(x: Int, y: Int)?] = []
        var bucket: [(x: Int, y: Int)] = []
        func flush() {
            guard let low = bucket.min(by: { $0.y < $1.y }), let high = bucket.max(by: { $0.y < $1.y }) else { return }
            result += bucket.count <= 2 ? bucket : low.x <= high.x ? [low, high] : [high, low]
            bucket.removeAll(keepingCapacity: true)
        }
        for point in points {
            guard let point else {
                flush()
                result.append(nil)
                continue
            }
            if let first = bucket.first, point.x - first.x >= finest { flush() }
            bucket.append(point)
        }
        flush()
        return result
    }

    private static func text(_ points: [(x: Int, y: Int)?]) -> String {
        var text = ""
        var last: (x: Int, y: Int)?
        var isLine = false
        for point in points {
            defer { last = point }
            guard let point else { continue }
            guard let last else {
                text += "M\(point.x) \(point.y)"
                isLine = false
                continue
            }
            let (dx, dy) = (point.x - last.x, point.y - last.y)
            // A minus sign parts two numbers by itself.
            text += (isLine ? " " : "l") + "\(dx)" + (dy < 0 ? "\(dy)" : " \(dy)")
            isLine = true
        }
        return text
    }
}
