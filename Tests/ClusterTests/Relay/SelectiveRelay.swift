import RivuletBackbone
import RivuletSubscriptions
import Synchronization

/// A relay that loses, holds or refuses what its node sends, as a test says.
final class SelectiveRelay: Relay, Membership {
    let dropsAnnouncements = Mutex(false)
    let holdsMessages = Mutex(false)
    let fails = Mutex(false)
    private let backbone: InMemoryBackbone
    private let open = Mutex<[BoundedChannel<[UInt8]>]>([])

    init(_ backbone: InMemoryBackbone) {
        self.backbone = backbone
    }

    func send(_ frames: [UInt8], from node: String) async throws(StoreError) {
        let isAnnouncement = frames.first == UInt8(ascii: "{")
        if fails.withLock({ $0 }) { throw StoreError(.unavailable, "the test wants it so") }
        if isAnnouncement, dropsAnnouncements.withLock({ $0 }) { return }
        while !isAnnouncement, holdsMessages.withLock({ $0 }), !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
        try await backbone.send(frames, from: node)
    }

    func batches(for node: String) async throws(StoreError) -> BoundedChannel<[UInt8]> {
        let batches = try await backbone.batches(for: node)
        open.withLock { $0.append(batches) }
        return batches
    }

    /// Readers are told that they missed something.
    func cutOff() {
        for batches in open.withLock({ $0 }) { batches.finish(throwing: StoreError(.unavailable, "the test wants it so")) }
    }

    func join(_ node: NodeDescription, timeToLive: Duration) async throws(StoreError) -> NodeLease {
        try await backbone.join(node, timeToLive: timeToLive)
    }

    func renew(_ lease: NodeLease, status: NodeStatus) async throws(StoreError) -> Bool { try await backbone.renew(lease, status: status) }

    func leave(_ lease: NodeLease) async throws(StoreError) { try await backbone.leave(lease) }

    func members() async throws(StoreError) -> [ClusterMember] { try await backbone.members() }
}
