import Rivulet
import RivuletClient
import Testing

/// Several nodes of one process on one store.
@Suite(.timeLimit(.minutes(2)))
struct NodesOfAClusterTests {
    @Test func aClientGoesOnAtAnotherNodeWhenItsOwnEnds() async throws {
        try await withTemporaryDirectory { directory in
            let store = StoreConfiguration.sqlite(directory + "/game.sqlite")
            func cluster(_ configuration: inout NodeConfiguration) { configuration.cluster = ClusterConfiguration() }
            try await withRunningNode(store: store, hosting: Notebook.self, configure: cluster) { other in
                let (client, written) = try await withRunningNode(store: store, hosting: Notebook.self, configure: cluster) { first in
                    let client = try await RivuletClient.connect(first.url)
                    return (client, try await client.object("Notebook", "a").ask(Write(text: "x"), timeout: .seconds(60)))
                }
                #expect(written == 1)
                var total: Int?
                while total == nil {
                    do {
                        total = try await client.object("Notebook", "a").ask(Count(), timeout: .seconds(60))
                    } catch let error as CallError where error.code == .unavailable {
                        // It is on its way.
                    }
                }
                #expect(total == 1)
                await client.close()
            }
        }
    }

    @Test func nodesCannotShareMemory() async throws {
        await #expect(throws: SettingError.self) {
            try await withRunningNode(store: .memory, hosting: Notebook.self, configure: { $0.cluster = ClusterConfiguration() }) { _ in }
        }
    }
}
