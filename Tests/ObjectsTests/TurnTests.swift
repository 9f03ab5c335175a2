import RivuletBackbone
import RivuletObjects
import RivuletTesting
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TurnTests {
    @Test func aTurnAnswersAndItsStateStays() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "a")
            let value = try await counter.ask(Add(amount: 2))
            #expect(value == 2)
            #expect(try await counter.ask(Add(amount: 3)) == 5)
            #expect(try await counter.ask(Total()) == 5)
            #expect(try await node.object(Counter.self, "b").ask(Total()) == 0)
        }
    }

    @Test func aHandlerThatThrowsLeavesStateEventsAndStoreUntouched() async throws {
        let store = InMemoryBackbone(time: SystemTime())
        try await withNode(hosting: Counter.self, store: store) { node in
            let counter = node.object(Counter.self, "a")
            _ = try await counter.ask(Add(amount: 2))
            let before = try await store.load(counter.object)
            await #expect(throws: TooMuch(limit: 100)) { try await counter.ask(Add(amount: 101)) }
            let failure = await #expect(throws: CallError.self) { try await counter.ask(Fail()) }
            #expect(failure?.code == .failed)
            #expect(failure?.message.contains("swordfish") == false)
            #expect(try await counter.ask(Total()) == 2)
            #expect(node.events(of: Counter.self, "a").map(\.name) == ["Added"])
            #expect(try await store.load(counter.object) == before)
        }
    }

    @Test func aTurnThatThrowsIsForgottenWithWhatItWantedDone() async throws {
        try await withNode(hosting: Quitter.self) { node in
            await #expect(throws: CallError.self) { try await node.object(Quitter.self, "a").ask(Quit()) }
            try await until { Quitter.last.withLock { $0.turn == nil } }
        }
    }

    @Test func manyCallersOfOneObjectLoseAndDuplicateNothing() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "hot")
            let totals = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        var totals: [Int] = []
                        for _ in 0..<20 { totals.append(try await counter.ask(Add(amount: 1), timeout: .seconds(600))) }
                        return totals
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(totals.sorted() == Array(1...1280))
            let events = node.events(of: Counter.self, "hot")
            #expect(events.map(\.position.sequence) == Array(1...1280))
            #expect(events.map(\.previous) == Array(0..<1280))
            #expect(try events.map { try JSONPayload.decode(Added.self, from: $0.payload).total } == Array(1...1280))
        }
    }

    @Test func aQueryMayNotPublish() async throws {
        try await withNode(hosting: Counter.self) { node in
            let failure = await #expect(throws: CallError.self) { try await node.object(Counter.self, "a").ask(PublishInQuery()) }
            #expect(failure?.code == .failed)
            #expect(node.events(of: Counter.self, "a").isEmpty)
        }
    }

    @Test func sentMessagesEventsAndPlainPublishesLeaveAfterTheCommit() async throws {
        let store = StallingStore()
        try await withNode(hosting: Counter.self, store: store) { node in
            let counter = node.object(Counter.self, "a")
            _ = try await counter.ask(Total())
            let plain = try node.bus.subscribe(SubjectPattern("plain.a"))
            await store.stall()
            async let reply = counter.ask(Add(amount: 1), timeout: .seconds(600))
            await store.arrived()
            // The turn has run and its commit has begun; nothing of it may be seen.
            #expect(node.events(of: Counter.self, "a").isEmpty)
            async let query = counter.ask(Total(), timeout: .seconds(600))
            async let second = counter.ask(Add(amount: 1), timeout: .seconds(600))
            await store.resume()
            #expect(try await reply == 1)
            #expect(try await [1, 2].contains(query))
            #expect(try await second == 2)
            #expect(node.events(of: Counter.self, "a").count == 2)
            var messages = plain.makeAsyncIterator()
            #expect(try await messages.next()?.payload == Array("1".utf8))
        }
    }

    @Test func aCommitThatFailsFailsEveryHeldTurnAndTheObjectReloads() async throws {
        let store = StallingStore()
        try await withNode(hosting: Counter.self, store: store) { node in
            let counter = node.object(Counter.self, "a")
            let value = try await counter.ask(Add(amount: 5))
            #expect(value == 5)
            await store.stall()
            async let first = outcome { try await counter.ask(Add(amount: 1), timeout: .seconds(600)) }
            await store.arrived()
            async let second = outcome { try await counter.ask(Add(amount: 1), timeout: .seconds(600)) }
            async let third = outcome { try await counter.ask(Total(), timeout: .seconds(600)) }
            await store.fail(StoreError(.full, "the disk is full"))
            let outcomes = await [first, second, third]
            #expect(outcomes[0] == .failure(.unavailable))
            // The others failed with it, or came after the reload and saw the state that is stored.
            #expect([.failure(.unavailable), .success(6)].contains(outcomes[1]))
            #expect([.failure(.unavailable), .success(5), .success(6)].contains(outcomes[2]))
            let committed = outcomes[1] == .success(6) ? 6 : 5
            #expect(try await counter.ask(Total()) == committed)
            #expect(try await counter.ask(Add(amount: 1)) == committed + 1)
            #expect(node.events(of: Counter.self, "a").map(\.position.sequence) == Array(1...UInt64(committed - 3)))
        }
    }

    @Test func aTurnThatFailsOnAStateThatWasNeverCommittedSaysSo() async throws {
        let (store, gate) = (StallingStore(), Gate())
        try await withNode(hosting: Counter.self, dependencies: Dependencies().with(gate), store: store) { node in
            let counter = node.object(Counter.self, "a")
            let total = try await counter.ask(Total())
            #expect(total == 0)
            await store.stall()
            async let first = outcome { try await counter.ask(Add(amount: 100), timeout: .seconds(600)) }
            await store.arrived()
            async let second = outcome { try await counter.ask(AddAtGate(amount: 1), timeout: .seconds(600)) }
            await gate.arrived()
            await store.fail(StoreError(.full, "the disk is full"))
            let failed = await first
            #expect(failed == .failure(.unavailable))
            await gate.open()
            let refused = await second
            #expect(refused == .failure(.unavailable))
            #expect(try await counter.ask(AddAtGate(amount: 1)) == 1)
        }
    }

    @Test func turnsThatCameWhileTheStoreWasGoneFailWithTheCommit() async throws {
        let store = StallingStore()
        try await withNode(hosting: Counter.self, store: store) { node in
            let (first, second) = (node.object(Counter.self, "a"), node.object(Counter.self, "b"))
            #expect(try await first.ask(Total()) == 0)
            #expect(try await second.ask(Total()) == 0)
            await store.stall()
            async let one = outcome { try await first.ask(Add(amount: 1), timeout: .seconds(600)) }
            await store.arrived()
            async let other = outcome { try await second.ask(Add(amount: 1), timeout: .seconds(600)) }
            try await handled(4, at: node)
            // Only this commit fails: were the other turn tried after it, it would succeed.
            await store.fail(StoreError(.unavailable, "the database is gone"))
            let outcomes = await [one, other]
            #expect(outcomes == [.failure(.unavailable), .failure(.unavailable)])
            #expect(try await second.ask(Add(amount: 1)) == 1)
        }
    }

    @Test func callsThatWaitForAnObjectThatCannotBeLoadedAreRefusedTogether() async throws {
        let store = StallingStore()
        await store.stallLoads()
        try await withNode(hosting: Counter.self, store: store) { node in
            let refusals = Replies()
            let answers = try node.bus.attach(SubjectPattern("refusals"), queue: nil) { refusals.add($0) }
            for _ in 1...3 {
                try node.bus.publish(
                    BusMessage(subject: Subject("obj.Counter.a.Total"), reply: Subject("refusals"), payload: Array("{}".utf8)))
            }
            try await until { await store.loads > 0 }
            await store.failLoads(StoreError(.unavailable, "the database is gone"))
            try await until { refusals.count == 3 }
            answers.cancel()
            #expect(refusals.codes == ["503", "503", "503"])
            #expect(await store.loads == 1)
        }
    }

    @Test func aFencedTurnFailsAndTheObjectReloads() async throws {
        let store = InMemoryBackbone(time: SystemTime())
        try await withNode(hosting: Counter.self, store: store) { node in
            let counter = node.object(Counter.self, "a")
            #expect(try await counter.ask(Add(amount: 5)) == 5)
            let stored = try await store.load(counter.object)
            let other = TurnCommit(
                object: counter.object, ownerEpoch: stored.ownerEpoch, expectedVersion: stored.version, state: Array(#"{"total":50}"#.utf8))
            _ = try await store.commit([other])
            let failure = await #expect(throws: CallError.self) { try await counter.ask(Add(amount: 1)) }
            #expect(failure?.code == .unavailable)
            #expect(try await counter.ask(Add(amount: 1)) == 51)
        }
    }

    @Test func stateThatDoesNotDecodeIsAnErrorAndIsNotOverwritten() async throws {
        let store = InMemoryBackbone(time: SystemTime())
        let object = ObjectID(kind: "Counter", id: "broken")
        try await store.open("Counter")
        _ = try await store.commit([TurnCommit(object: object, ownerEpoch: 0, expectedVersion: 0, state: Array(#"{"total":"many"}"#.utf8))])
        try await withNode(hosting: Counter.self, store: store) { node in
            let failure = await #expect(throws: CallError.self) { try await node.object(Counter.self, "broken").ask(Add(amount: 1)) }
            #expect(failure?.code == .failed)
            #expect(failure?.message.contains("Counter/broken") == true)
            let stored = try await store.load(object)
            #expect(stored.state == Array(#"{"total":"many"}"#.utf8))
        }
    }

    @Test func fieldsAddedWithDefaultsAreFilledIn() async throws {
        let store = InMemoryBackbone(time: SystemTime())
        try await store.open("Counter")
        let object = ObjectID(kind: "Counter", id: "old")
        _ = try await store.commit([TurnCommit(object: object, ownerEpoch: 0, expectedVersion: 0, state: Array("{}".utf8))])
        try await withNode(hosting: Counter.self, store: store) { node in
            let value = try await node.object(Counter.self, "old").ask(Add(amount: 1))
            #expect(value == 1)
        }
    }
}

enum Outcome: Sendable, Equatable {
    case success(Int)
    case failure(CallError.Code)
}

func outcome(_ call: @Sendable () async throws -> Int) async -> Outcome {
    do {
        return .success(try await call())
    } catch {
        return .failure((error as? CallError)?.code ?? .failed)
    }
}

private struct Quit: Message {}

/// Wants done what holds the turn, and throws.
private struct Quitter: ServiceObject {
    struct State: Codable, Sendable {}
    struct Last { weak var turn: Turn? }

    var state = State()
    static let last = Mutex(Last())

    static var handlers: Handlers<Self> {
        Handle(Quit.self) { _, _, turn in
            last.withLock { $0.turn = turn }
            turn.background { _ in _ = try await turn.object(Quitter.self, "b").ask(Quit()) }
            throw Unforeseen()
        }
    }
}
