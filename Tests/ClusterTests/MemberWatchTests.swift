import RivuletBackbone
import RivuletCluster
import RivuletSubscriptions
import RivuletTesting
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct MemberWatchTests {
    @Test func whatBecomesOfOthersIsSeenInAThirdOfALease() async throws {
        let time = ManualTime()
        let backbone = InMemoryBackbone(time: time)
        let (own, other) = (NodeDescription(name: "own", address: "own:1"), NodeDescription(name: "other", address: "other:1"))
        _ = try await backbone.join(own, timeToLive: .seconds(3600))
        var configuration = ClusterConfiguration()
        configuration.timeToLive = .seconds(6)
        let watch = MemberWatch(for: "own", membership: backbone, configuration: configuration, time: time, logger: quiet)
        let changes = Mutex<[MemberChange]>([])
        let suspected = Mutex<Set<String>>([])
        let observation = watch.onChange { found in changes.withLock { $0 += found } }
        defer { observation.cancel() }
        let keepSuspected: @Sendable ([NodeDescription], Set<String>) -> Void = { _, names in suspected.withLock { $0 = names } }
        /// Waits for the next look, and until the one after it is waited for.
        func expectNext(_ kind: MemberChange.Kind) async throws {
            time.advance(by: .seconds(2))
            try await until { time.nextDeadline != nil }
            #expect(changes.withLock { $0 } == [MemberChange(kind, other)])
            changes.withLock { $0 = [] }
        }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await watch.run(keepSuspected) }
            defer { group.cancelAll() }
            try await until { time.nextDeadline != nil }
            let lease = try await backbone.join(other, timeToLive: .seconds(6))
            try await expectNext(.joined)
            #expect(watch.members == [other])
            try await expectNext(.suspected)
            #expect(suspected.withLock { $0 } == ["other"])
            _ = try await backbone.renew(lease, status: NodeStatus())
            try await expectNext(.recovered)
            #expect(suspected.withLock { $0 }.isEmpty)
            try await backbone.leave(lease)
            try await expectNext(.left)
            #expect(watch.members == [])
            _ = try await backbone.join(other, timeToLive: .seconds(6))
            for kind in [MemberChange.Kind.joined, .suspected, .died] { try await expectNext(kind) }
            #expect(watch.counts == [.joined: 2, .suspected: 2, .recovered: 1, .left: 1, .died: 1])
        }
    }

    @Test func aSecretShowsNowhere() {
        let node = NodeDescription(name: "a", address: "a:1", secret: NodeSecret("hush"))
        var text = ""
        dump(node, to: &text)
        #expect(!(text + "\(node) \(node.secret) \(String(reflecting: node))").contains("hush"))
        #expect(NodeSecret.random() != NodeSecret.random())
        #expect(NodeSecret.random().text.utf8.count > 32)
    }
}
