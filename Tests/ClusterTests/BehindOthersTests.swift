import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletObjects
import RivuletSubscriptions
import RivuletTesting
import Synchronization
import TestSupport
import Testing

/// Messages for an object that may be here, while earlier ones wait until that is known.
@Suite(.timeLimit(.minutes(1)))
struct BehindOthersTests {
    @Test func noMessageOvertakesThoseThatWaitForTheirObjectsOwner() async throws {
        let (time, bus) = (ManualTime(), Broker(logger: quiet))
        let backbone = InMemoryBackbone(time: time)
        let directory = HesitantDirectory(backbone)
        let keeper = LeaseKeeper(
            NodeDescription(name: "own", address: "own:1"), status: OwnStatus(hosting: HostedKinds(of: [Tally.self], labels: [])),
            membership: backbone, time: time, logger: quiet)
        let links = NodeLinks(from: "own", bus: bus, membership: backbone, time: time, logger: quiet) { _ in
            throw BusError(.disconnected, "nobody is there")
        }
        let ownership = ClusterOwnership(directory: directory, keeper: keeper, links: links, bus: bus, time: time)
        let host = ObjectHost(
            hosting: [Tally.self], bus: bus, store: backbone, log: backbone, ownership: ownership, time: time, logger: quiet)
        try await keeper.join()
        try await host.start()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await host.run() }
            group.addTask { await links.run() }
            group.addTask { await ownership.run() }
            defer { group.cancelAll() }
            // It was with another node, which has told that it has not handled it.
            ownership.forward(try remember(0), for: ObjectID(kind: "Tally", id: "a"))
            try await until { directory.waiting == 1 }
            for number in 1..<10 { try bus.publish(remember(number)) }
            for _ in 0..<1000 { await Task.yield() }
            directory.goOn()
            try await until { try await host.object("Tally", "a").ask(Remembered()).count == 10 }
            #expect(try await host.object("Tally", "a").ask(Remembered()) == Array(0..<10))
            await host.drain()
        }
    }

    private func remember(_ number: Int) throws -> BusMessage {
        BusMessage(subject: try Subject("obj.Tally.a.Remember"), payload: Array(#"{"number":\#(number)}"#.utf8))
    }
}

/// Answers the first claim when it may.
private final class HesitantDirectory: Directory {
    private struct State {
        var hesitates = true
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let backbone: InMemoryBackbone
    private let state = Mutex(State())

    init(_ backbone: InMemoryBackbone) {
        self.backbone = backbone
    }

    var waiting: Int { state.withLock { $0.waiting.count } }

    func goOn() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership {
        let isFirst = state.withLock { state in
            defer { state.hesitates = false }
            return state.hesitates
        }
        if isFirst { await withCheckedContinuation { continuation in state.withLock { $0.waiting.append(continuation) } } }
        return try await backbone.claim(object, for: lease)
    }

    func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? {
        try await backbone.claim(object, for: node)
    }

    func owner(of object: ObjectID) async throws(StoreError) -> Ownership? { try await backbone.owner(of: object) }

    func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) { try await backbone.release(object, ownership) }
}
