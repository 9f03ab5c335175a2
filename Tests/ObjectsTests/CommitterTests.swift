import RivuletBackbone
import RivuletObjects
import RivuletTesting
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct CommitterTests {
    /// The bytes of state and event that one turn of `Counter` commits.
    private let turnBytes = #"{"total":1}{"amount":1,"total":1}"#.utf8.count

    /// Runs a turn of each of 50 objects, most of which wait while the first is being committed. How many turns each batch had.
    private func batches(_ change: (inout ObjectHostConfiguration) -> Void) async throws -> [Int] {
        var configuration = ObjectHostConfiguration()
        change(&configuration)
        let store = StallingStore()
        try await withNode(hosting: Counter.self, configuration: configuration, store: store) { node in
            await store.stall()
            let totals = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<50 {
                    group.addTask { try await node.object(Counter.self, "\(number)").ask(Add(amount: 1), timeout: .seconds(600)) }
                }
                try await until { node.activeCount == 50 }
                await store.arrived()
                await store.resume()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(totals == Array(repeating: 1, count: 50))
            #expect(node.events(of: Counter.self).map(\.position.sequence) == Array(1...50))
        }
        let batches = await store.batches
        #expect(batches.reduce(0, +) == 50)
        return batches
    }

    @Test func aBatchHasNoMoreTurnsThanItMay() async throws {
        #expect(try await batches { $0.commitBatchLimit = 7 }.allSatisfy { $0 <= 7 })
    }

    @Test func aBatchHasNoMoreBytesThanItMay() async throws {
        #expect(try await batches { $0.commitByteLimit = 3 * turnBytes + 1 }.allSatisfy { $0 <= 3 })
    }

    @Test func aTurnLargerThanABatchIsCommittedAlone() async throws {
        #expect(try await batches { $0.commitByteLimit = 1 } == Array(repeating: 1, count: 50))
    }

    @Test func nothingThatATurnDoesComesBeforeTheEventsOfEarlierOnes() async throws {
        let store = StallingStore()
        try await withNode(hosting: Counter.self, store: store) { node in
            let (first, teller) = (node.object(Counter.self, "a"), node.object(Counter.self, "b"))
            for counter in [first, teller] { _ = try await counter.ask(Total()) }
            let seen = Replies()
            let attachments = try ["evt.Counter.a.Added", "obj.Counter.told.>", "refused"].map {
                try node.bus.attach(SubjectPattern($0), queue: nil) { seen.add($0) }
            }
            defer { for attachment in attachments { attachment.cancel() } }
            await store.stall()
            async let total = teller.ask(Add(amount: 1), timeout: .seconds(600))
            await store.arrived()
            // These make one batch, which is committed once the first is.
            for (message, body) in [("Note", #"{"amount":1}"#), ("Fail", "{}"), ("Note", #"{"amount":2}"#), ("Tell", #"{"amount":3}"#)] {
                try node.bus.publish(
                    BusMessage(
                        subject: try Subject("obj.Counter.a.\(message)"), reply: message == "Fail" ? try Subject("refused") : nil,
                        payload: Array(body.utf8)))
            }
            try await handled(7, at: node)
            await store.resume()
            _ = try await total
            try await until { seen.count == 4 }
            // Answers, and so errors, come last.
            #expect(seen.subjects == ["evt.Counter.a.Added", "evt.Counter.a.Added", "obj.Counter.told.Add", "refused"])
        }
    }

    @Test func whatHasCommittedIsReleasedThoughTheNextCommitFails() async throws {
        let store = StallingStore()
        try await withNode(hosting: Counter.self, store: store) { node in
            for number in 0..<20 {
                let counter = node.object(Counter.self, "\(number)")
                _ = try await counter.ask(Total())
                await store.stall()
                async let first = outcome { try await counter.ask(Add(amount: 1), timeout: .seconds(600)) }
                await store.arrived()
                async let second = outcome { try await counter.ask(Add(amount: 1), timeout: .seconds(600)) }
                await store.failNext(StoreError(.full, "the disk is full"))
                await store.resume()
                #expect(await first == .success(1))
                #expect(await second == .failure(.unavailable))
                #expect(try await counter.ask(Total()) == 1)
            }
        }
    }
}
