/// Uninitialised-at-first memory for one tensor, kept for the life of a layer and enlarged when a larger batch comes.
///
/// Layers own their activations; nothing is allocated in a training step once the largest batch has been seen.
public final class FloatBuffer {
    public private(set) var count: Int
    public private(set) var pointer: UnsafeMutablePointer<Float>

    /// Makes `count` zeros.
    public init(count: Int = 0) {
        self.count = count
        pointer = .allocate(capacity: max(count, 1))
        pointer.initialize(repeating: 0, count: max(count, 1))
    }

    deinit { pointer.deallocate() }

    /// Makes room for `count` floats. Contents are zeros after an enlargement, and untouched otherwise.
    @discardableResult
    public func reserve(_ count: Int) -> UnsafeMutablePointer<Float> {
        if count > self.count {
            pointer.deallocate()
            pointer = .allocate(capacity: count)
            pointer.initialize(repeating: 0, count: count)
            self.count = count
        }
        return pointer
    }

    public func zero() {
        pointer.update(repeating: 0, count: count)
    }

    public var values: UnsafeMutableBufferPointer<Float> { .init(start: pointer, count: count) }
}
