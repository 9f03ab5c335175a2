import Synchronization

/// Lets messages pass that need not be counted, until the first owner is known, and knows when the last of them has passed.
///
/// It costs two atomic additions for each, where counting takes a lock and a look into a table.
final class OwnerGate: Sendable {
    private static let shut: UInt64 = 1 << 63
    /// How many are passing, and whether it is shut.
    private let state = Atomic<UInt64>(0)

    /// Whether it was not shut yet.
    var isOpen: Bool { state.load(ordering: .acquiring) & Self.shut == 0 }

    /// Whether it is shut and nobody is passing any more.
    var isClear: Bool { state.load(ordering: .acquiring) == Self.shut }

    /// Whether a message may pass; ``leave()`` when it has.
    func enter() -> Bool {
        guard state.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue & Self.shut != 0 else { return true }
        leave()
        return false
    }

    func leave() {
        state.wrappingSubtract(1, ordering: .releasing)
    }

    /// For good.
    func close() {
        state.bitwiseOr(Self.shut, ordering: .acquiringAndReleasing)
    }
}
