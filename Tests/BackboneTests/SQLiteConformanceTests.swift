import RivuletBackbone
import RivuletSQLite
import RivuletTesting
import Synchronization
import Testing

@Suite("SQLite backbone keeps the contracts", .timeLimit(.minutes(5)))
struct SQLiteConformanceTests {
    @Test("object store and event log, on one node", arguments: ObjectStoreConformance.all + EventLogConformance.all)
    func oneNode(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await StoreDirectory.with { directory in
            let current = Current(try await directory.open())
            let fixture = StoreFixture(store: current.store, time: directory.time) {
                try await current.store.close()
                current.store = try await directory.open()
                return current.store
            }
            try await check.run(on: fixture)
            try await current.store.close()
        }
    }

    @Test("object store and event log, on three nodes", arguments: ObjectStoreConformance.all + EventLogConformance.all)
    func threeNodes(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(3) { try await Self.run(check, on: $0, directory.time) }
        }
    }

    @Test("membership and directory, on one node and on three", arguments: MembershipConformance.all + DirectoryConformance.all, [1, 3])
    func cluster(_ check: ConformanceCheck<ClusterFixture>, count: Int) async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(count) { try await Self.run(check, on: $0, directory.time) }
        }
    }

    @Test("relay, on one node and on three", arguments: RelayConformance.all, [1, 3])
    func relay(_ check: ConformanceCheck<RelayFixture>, count: Int) async throws {
        try await StoreDirectory.with { directory in
            try await directory.withNodes(count) { nodes in try await check.run(on: RelayFixture(relay: Self.one(nodes))) }
        }
    }

    @Test(
        "object store and event log, on three nodes in processes of their own", .serialized,
        arguments: ObjectStoreConformance.all + EventLogConformance.all)
    func processes(_ check: ConformanceCheck<StoreFixture>) async throws {
        try await StoreDirectory.with { directory in
            try await directory.withProcesses(3) { try await Self.run(check, on: $0, directory.time) }
        }
    }

    @Test(
        "membership and directory, on three nodes in processes of their own", .serialized,
        arguments: MembershipConformance.all + DirectoryConformance.all)
    func clusterOfProcesses(_ check: ConformanceCheck<ClusterFixture>) async throws {
        try await StoreDirectory.with { directory in
            try await directory.withProcesses(3) { try await Self.run(check, on: $0, directory.time) }
        }
    }

    @Test("relay, on three nodes in processes of their own", .serialized, arguments: RelayConformance.all)
    func relayOfProcesses(_ check: ConformanceCheck<RelayFixture>) async throws {
        try await StoreDirectory.with { directory in
            try await directory.withProcesses(3) { nodes in try await check.run(on: RelayFixture(relay: Self.one(nodes))) }
        }
    }

    private static func run(
        _ check: ConformanceCheck<StoreFixture>, on nodes: [SeveralNodes.Backbone], _ time: ManualTime
    ) async throws {
        try await check.run(on: StoreFixture(store: SeveralNodes(nodes[0], nodes[1]), elsewhere: nodes[2], time: time))
    }

    private static func run(
        _ check: ConformanceCheck<ClusterFixture>, on nodes: [SeveralNodes.Backbone], _ time: ManualTime
    ) async throws {
        try await check.run(on: ClusterFixture(backbone: one(nodes)) { time.advance(by: $0) })
    }

    private static func one(_ nodes: [SeveralNodes.Backbone]) -> SeveralNodes.Backbone {
        nodes.count == 1 ? nodes[0] : SeveralNodes(nodes[0], nodes[1], nodes[2])
    }

    private final class Current: Sendable {
        private let held: Mutex<SQLiteBackbone>

        init(_ store: SQLiteBackbone) { held = Mutex(store) }

        var store: SQLiteBackbone {
            get { held.withLock { $0 } }
            set { held.withLock { $0 = newValue } }
        }
    }
}
