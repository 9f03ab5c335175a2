import Logging
import Rivulet
import RivuletBackbone
import RivuletClient
import Testing

@Suite(.timeLimit(.minutes(2))) struct NodeTests {
    @Test func whatWasAnsweredIsThereAfterARestart() async throws {
        try await withTemporaryDirectory { directory in
            let store = StoreConfiguration.sqlite(directory + "/node.sqlite")
            for round in 1...3 {
                try await withRunningNode(store: store, hosting: Notebook.self) { node in
                    try await withRivuletClient(node.url) { client in
                        let number = try await client.object("Notebook", "a").ask(Write(text: "x"))
                        #expect(number == round)
                    }
                }
            }
            try await withRunningNode(store: store, hosting: Notebook.self) { node in
                try await withRivuletClient(node.url) { client in
                    var numbers: [Int] = []
                    for try await item in client.object("Notebook", "a").events(of: Written.self, from: .beginning, follow: false) {
                        if case .event(let event, let position) = item {
                            numbers.append(event.number)
                            #expect(position.sequence == UInt64(event.number))
                        }
                    }
                    #expect(numbers == [1, 2, 3])
                }
            }
        }
    }

    @Test func aFollowerGoesFromTheLogToLiveWithoutGapOrDuplicate() async throws {
        try await withRunningNode(store: .memory, hosting: Notebook.self) { node in
            try await withRivuletClient(node.url) { client in
                let notebook = client.object("Notebook", "a")
                let writers = Task {
                    for _ in 1...500 { _ = try await notebook.ask(Write(text: "x"), timeout: .seconds(60)) }
                }
                var numbers: [Int] = []
                for try await item in notebook.events(of: Written.self, from: .beginning) {
                    if case .event(let event, _) = item { numbers.append(event.number) }
                    if numbers.count == 500 { break }
                }
                #expect(numbers == Array(1...500))
                try await writers.value
            }
        }
    }

    @Test func aTurnUnderWayIsAnsweredWhenTheNodeShutsDown() async throws {
        let latch = Latch()
        try await withRunningNode(store: .memory, hosting: Notebook.self, dependencies: Dependencies().with(latch)) { node in
            var configuration = ClientConfiguration()
            configuration.maximumReconnectRounds = 0
            try await withRivuletClient(node.url, configuration: configuration) { client in
                async let held = client.object("Notebook", "a").ask(Hold(), timeout: .seconds(60))
                await latch.waited()
                await node.shutDown()
                await latch.open()
                let number = try await held
                #expect(number == 1)
            }
        }
    }

    @Test func aStoreThatCannotBeOpenedIsNamed() async throws {
        let error = await #expect(throws: StoreError.self) {
            try await withRunningNode(store: .sqlite("/nowhere/at/all.sqlite"), hosting: Notebook.self) { _ in }
        }
        #expect(error?.message.contains("/nowhere/at/all.sqlite") == true)
    }

    @Test func whoeverWaitsForAnAddressMayBeCancelled() async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let node = Node(configuration: NodeConfiguration(port: 0, store: .memory), hosting: Notebook.self, logger: logger)
        let waiting = Task { try await node.address }
        let waitingToo = Task { try await node.monitoringAddress }
        waiting.cancel()
        waitingToo.cancel()
        await #expect(throws: CancellationError.self) { _ = try await waiting.value }
        await #expect(throws: CancellationError.self) { _ = try await waitingToo.value }
    }

    @Test func aStoreServesOneNodeAtATime() async throws {
        try await withTemporaryDirectory { directory in
            let store = StoreConfiguration.sqlite(directory + "/node.sqlite")
            try await withRunningNode(store: store, hosting: Notebook.self) { _ in
                let error = await #expect(throws: StoreError.self) {
                    try await withRunningNode(store: store, hosting: Notebook.self) { _ in }
                }
                #expect(error?.code == .inUse)
            }
        }
    }

    @Test func aNodeInsideAnApplicationCanBeCalledFromPlainSubjects() async throws {
        try await withRunningNode(store: .memory, hosting: Notebook.self) { node in
            try await withRivuletClient(node.url) { client in
                let reply = try await client.request("obj.Notebook.a.Write", Array(#"{"text":"hello"}"#.utf8))
                #expect(reply.payload == Array("1".utf8))
                let refusal = try await client.request("obj.Notebook.a.Write", Array("nonsense".utf8))
                #expect(CallError(reply: refusal)?.code == .undecodable)
            }
        }
    }
}
