public import RivuletBackbone
import Synchronization

/// What a node tells the others of itself.
public final class OwnStatus: Sendable {
    private struct State {
        var isDraining = false
        var activeCount: @Sendable () -> Int = { 0 }
    }

    /// Which kinds it hosts.
    public let kinds: HostedKinds
    private let state = Mutex(State())

    /// Of a node with no objects yet.
    public init(hosting kinds: HostedKinds = HostedKinds(of: [])) {
        self.kinds = kinds
    }

    /// How it is now.
    public var current: NodeStatus {
        let (isDraining, activeCount) = state.withLock { ($0.isDraining, $0.activeCount) }
        return NodeStatus(kinds: kinds.names, activeObjects: activeCount(), isDraining: isDraining)
    }

    var isDraining: Bool { state.withLock { $0.isDraining } }

    func count(_ activeCount: @escaping @Sendable () -> Int) {
        state.withLock { $0.activeCount = activeCount }
    }

    func drain() {
        state.withLock { $0.isDraining = true }
    }
}
