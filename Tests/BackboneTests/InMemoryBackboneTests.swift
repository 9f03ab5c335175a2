import RivuletBackbone
import RivuletSubscriptions
import RivuletTesting
import Testing

@Suite("In-memory backbone", .timeLimit(.minutes(1)))
struct InMemoryBackboneTests {
    private let time = ManualTime()

    @Test("object store", arguments: ObjectStoreConformance.all)
    func objectStore(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await check.run(on: StoreFixture(store: InMemoryBackbone(time: time), time: time))
    }

    @Test("event log", arguments: EventLogConformance.all)
    func eventLog(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await check.run(on: StoreFixture(store: InMemoryBackbone(time: time), time: time))
    }

    @Test("membership and directory", arguments: MembershipConformance.all + DirectoryConformance.all)
    func cluster(_ check: ConformanceCheck<ClusterFixture>) async throws {
        let time = time
        try await check.run(on: ClusterFixture(backbone: InMemoryBackbone(time: time)) { time.advance(by: $0) })
    }

    @Test("relay", arguments: RelayConformance.all)
    func relay(_ check: ConformanceCheck<RelayFixture>) async throws {
        try await check.run(on: RelayFixture(relay: InMemoryBackbone(time: time)))
    }

    @Test("a reader of the relay that falls far behind is told by the end of the sequence")
    func slowReader() async throws {
        let backbone = InMemoryBackbone(time: time)
        let reader = try await backbone.batches(for: "slow")
        for _ in 0..<5000 { try await backbone.send([1], from: "fast") }
        var count = 0
        await #expect(throws: BoundedChannel<[UInt8]>.Overflow.self) {
            for try await _ in reader { count += 1 }
        }
        #expect(count == 4096)
    }

    @Test("leases do not end when the wall clock jumps")
    func wallJump() async throws {
        let backbone = InMemoryBackbone(time: time)
        let lease = try await backbone.join(NodeDescription(name: "a", address: "a:1"), timeToLive: .seconds(5))
        time.jumpWall(to: Timestamp(nanoseconds: time.wallTime.nanoseconds + 3_600_000_000_000))
        #expect(try await backbone.renew(lease, status: NodeStatus()))
    }
}
