import Logging
import RivuletBackbone
import RivuletCluster
import RivuletSubscriptions
import RivuletTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct MemberWatchTests {
    @Test func whoComesAndGoesIsSeenInAThirdOfALease() async throws {
        let time = ManualTime()
        let backbone = InMemoryBackbone(time: time)
        let (own, other) = (NodeDescription(name: "own", address: "own:1"), NodeDescription(name: "other", address: "other:1"))
        _ = try await backbone.join(own, timeToLive: .seconds(60))
        let watch = MemberWatch(
            for: "own", membership: backbone, time: time, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let changes = BoundedChannel<MemberWatch.Change>(capacity: 16, whenFull: .fail)
        let observation = watch.onChange { changes.send($0) }
        defer { observation.cancel() }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await watch.run() }
            group.addTask {
                while !Task.isCancelled {
                    for _ in 0..<50 { await Task.yield() }
                    time.advance(by: .milliseconds(100))
                }
            }
            defer { group.cancelAll() }
            var seen = changes.makeAsyncIterator()
            let lease = try await backbone.join(other, timeToLive: .seconds(3600))
            #expect(try await seen.next() == MemberWatch.Change(joined: [other], gone: []))
            #expect(watch.members == [other])
            try await backbone.leave(lease)
            #expect(try await seen.next() == MemberWatch.Change(joined: [], gone: [other]))
            #expect(watch.members == [])
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
