import Glibc

/// Waits until one of some file descriptors is readable.
enum DescriptorPoll {
    static func wait(_ descriptors: [Int32], milliseconds: Int32) {
        var items = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = poll(&items, nfds_t(items.count), milliseconds)
    }
}
