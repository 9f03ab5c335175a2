import Synchronization

/// How often something was done, by whichever tasks.
package final class Count: Sendable {
    private let count = Mutex(0)

    package init() {}

    package var value: Int { count.withLock { $0 } }

    package func increase() { count.withLock { $0 += 1 } }
}
