internal import NeuralNetwork

/// Sign-gradient attacks: FGSM, BIM, PGD and CW.
extension WindowAttack {
    func iterateFromWindow(
        _ batch: AttackBatch, _ objective: AttackObjective, scratch: AttackScratch,
        into attacked: UnsafeMutablePointer<Float>
    ) {
        attacked.update(from: batch.windows, count: batch.sampleCount)
        iterate(batch, objective, scratch: scratch, from: attacked)
    }

    func iterateFromRandomStart(
        _ batch: AttackBatch, _ objective: AttackObjective, using generator: inout SeededGenerator,
        scratch: AttackScratch, into attacked: UnsafeMutablePointer<Float>
    ) {
        batch.startAtRandom(attacked, within: epsilon, using: &generator)
        iterate(batch, objective, scratch: scratch, from: attacked)
    }

    private func iterate(
        _ batch: AttackBatch, _ objective: AttackObjective, scratch: AttackScratch,
        from attacked: UnsafeMutablePointer<Float>
    ) {
        for _ in 0..<iterations {
            let slope = batch.slope(of: objective, at: attacked, scratch: scratch)
            batch.move(attacked, alongSignsOf: slope, by: step, within: epsilon)
        }
    }

    /// Runs an attack from several random starts and keeps the result with the largest margin for each window.
    func withRestarts(
        _ batch: AttackBatch, using generator: inout SeededGenerator, scratch: AttackScratch,
        into attacked: UnsafeMutablePointer<Float>,
        _ attack: (AttackBatch, inout SeededGenerator, UnsafeMutablePointer<Float>) -> Void
    ) {
        attack(batch, &generator, attacked)
        guard restarts > 1 else { return }
        let length = AttackBatch.length
        let margins = scratch.margins.reserve(batch.count)
        batch.readMargins(at: attacked, into: margins)
        for _ in 1..<restarts {
            let standing = (0..<batch.count).filter { !sparesFallen || margins[$0] <= 0 }
            if standing.isEmpty { return }
            let part = scratch.standing.gather(standing, of: batch)
            let candidate = scratch.standing.attacked.pointer
            attack(part, &generator, candidate)
            let candidateMargins = scratch.candidateMargins.reserve(part.count)
            part.readMargins(at: candidate, into: candidateMargins)
            for (row, b) in standing.enumerated() where candidateMargins[row] > margins[b] {
                margins[b] = candidateMargins[row]
                (attacked + b * length).update(from: candidate + row * length, count: length)
            }
        }
    }
}
