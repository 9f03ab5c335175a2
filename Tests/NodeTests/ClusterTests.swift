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

    @Test func whatClientsSendToAnObjectOfAnotherNodeStaysInOrderAndIsAnswered() async throws {
        try await withTemporaryDirectory { directory in
            let store = StoreConfiguration.sqlite(directory + "/game.sqlite")
            func cluster(_ configuration: inout NodeConfiguration) { configuration.cluster = ClusterConfiguration() }
            var settings = ClientConfiguration()
            settings.followsOwners = false
            try await withRunningNode(store: store, hosting: Diary.self, configure: cluster) { [settings] owner in
                try await withRivuletClient(owner.url) {
                    _ = try await $0.object("Diary", "a").ask(Note(author: "owner", number: 0), timeout: .seconds(60))
                }
                try await withRunningNode(store: store, hosting: Diary.self, configure: cluster) { other in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        // More than a machine has event loops, so that some of them share one.
                        for author in 0..<8 {
                            group.addTask { try await write(200, as: "\(author)", at: other.url, settings) }
                        }
                        try await group.waitForAll()
                    }
                }
                let notes = try await withRivuletClient(owner.url) {
                    try await $0.object("Diary", "a").ask(Read(), timeout: .seconds(60))
                }
                #expect(notes.count == 8 * 200 + 1)
                for author in 0..<8 {
                    #expect(notes.filter { $0.hasPrefix("\(author):") } == (0..<200).map { "\(author):\($0)" })
                }
            }
        }
    }

    @Test func nodesCannotShareMemory() async throws {
        await #expect(throws: SettingError.self) {
            try await withRunningNode(store: .memory, hosting: Notebook.self, configure: { $0.cluster = ClusterConfiguration() }) { _ in }
        }
    }
}

private func write(_ count: Int, as author: String, at url: String, _ settings: ClientConfiguration) async throws {
    try await withRivuletClient(url, configuration: settings) { client in
        let diary = client.object("Diary", "a")
        for number in 0..<count {
            let note = Note(author: author, number: number)
            if number % 10 == 9 { _ = try await diary.ask(note, timeout: .seconds(60)) } else { try diary.send(note) }
        }
    }
}

private struct Note: Message {
    typealias Reply = Int
    var author: String
    var number: Int
}

private struct Read: Message { typealias Reply = [String] }

private struct Diary: ServiceObject {
    static let configuration = ObjectConfiguration(persistence: .none)
    var state: [String] = []

    static var handlers: Handlers<Self> {
        Handle(Note.self) { object, note, _ in
            object.state.append("\(note.author):\(note.number)")
            return object.state.count
        }
        Query(Read.self) { object, _, _ in object.state }
    }
}
