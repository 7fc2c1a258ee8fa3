/// Memory for one tensor, kept for the lifetime of a layer and enlarged when a larger batch arrives.
///
/// Layers own their activations; once the largest batch has been seen, training steps allocate nothing.
public final class FloatBuffer {
    public private(set) var count: Int
    public private(set) var pointer: UnsafeMutablePointer<Float>

    /// Creates a buffer of `count` zeros.
    public init(count: Int = 0) {
        self.count = count
        pointer = .allocate(capacity: max(count, 1))
        pointer.initialize(repeating: 0, count: max(count, 1))
    }

    deinit { pointer.deallocate() }

    /// Ensures capacity for `count` floats. After an enlargement the contents are zeros; otherwise they are
    /// unchanged.
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
