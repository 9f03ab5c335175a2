import RivuletBackbone
import RivuletCluster
import RivuletContract
import RivuletObjects
import RivuletSubscriptions
import RivuletTesting
import Testing

@Suite(.timeLimit(.minutes(2)))
struct OwnershipTests {
    @Test func anObjectHasOneActivationWhicheverNodeIsCalled() async throws {
        try await withHosts(3, hosting: Tally.self) { cluster in
            for number in 1...12 {
                let total = try await cluster[number % 3].object("Tally", "a").ask(Increase())
                #expect(total == number)
            }
            #expect(cluster.hosts.map(\.objects.activeCount).reduce(0, +) == 1)
        }
    }

    @Test func callsFromAllNodesAtOnceLoseAndRepeatNothing() async throws {
        try await withHosts(3, hosting: Tally.self) { cluster in
            let totals = try await withThrowingTaskGroup(of: [Int].self) { group in
                for caller in 0..<12 {
                    group.addTask {
                        var totals: [Int] = []
                        for _ in 0..<20 {
                            totals.append(try await cluster[caller % 3].object("Tally", "hot").ask(Increase(), timeout: .seconds(600)))
                        }
                        return totals
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(totals.sorted() == Array(1...240))
        }
    }

    @Test func messagesThatAreHandedOnKeepTheirOrder() async throws {
        try await withHosts(2, hosting: Tally.self) { cluster in
            _ = try await cluster[0].object("Tally", "a").ask(Increase())
            let other = cluster[1].object("Tally", "a")
            for number in 0..<200 { try other.send(Remember(number: number)) }
            let remembered = try await other.ask(Remembered())
            #expect(remembered == Array(0..<200))
        }
    }

    @Test func errorsComeBackAsTheyAre() async throws {
        try await withHosts(2, hosting: Tally.self) { cluster in
            _ = try await cluster[0].object("Tally", "a").ask(Increase())
            let other = cluster[1].object("Tally", "a")
            await #expect(throws: NoMore(limit: 3)) { try await other.ask(Refuse()) }
        }
    }

    @Test func anAnswerThatWasHandedOnTellsWhereTheOwnerIs() async throws {
        try await withHosts(2, hosting: Tally.self) { cluster in
            _ = try await cluster[0].object("Tally", "a").ask(Increase())
            let increase = ObjectRequest(object: ObjectID(kind: "Tally", id: "a"), message: "Increase", payload: Array("{}".utf8))
            let own = try await cluster[0].object("Tally", "a").caller.ask(increase)
            #expect(own.headers[HeaderName.owner] == nil)
            let handedOn = try await cluster[1].object("Tally", "a").caller.ask(increase)
            #expect(handedOn.headers[HeaderName.owner] == "node0")
        }
    }

    @Test func anObjectThatWasGivenUpIsServedAgain() async throws {
        try await withHosts(2, hosting: Tally.self) { cluster in
            _ = try await cluster[0].object("Tally", "a").ask(Increase())
            _ = try await cluster[1].object("Tally", "a").ask(Increase())
            try cluster[0].object("Tally", "a").send(Retire())
            await cluster[0].objects.settle()
            let total = try await retrying { try await cluster[1].object("Tally", "a").ask(Increase()) }
            #expect(total == 3)
            #expect(cluster.hosts.map(\.objects.activeCount).reduce(0, +) == 1)
        }
    }

    @Test func objectsOfAKilledNodeAreServedElsewhereOnceItsLeaseHasEnded() async throws {
        try await withHosts(2, hosting: Tally.self) { cluster in
            _ = try await cluster[0].object("Tally", "a").ask(Increase())
            _ = try await cluster[1].object("Tally", "a").ask(Increase())
            cluster[0].die()
            let total = try await cluster.whileTimePasses(keeping: cluster[1]) {
                try await cluster[1].object("Tally", "a").ask(Increase(), timeout: .seconds(30))
            }
            #expect(total == 3)
            #expect(cluster.time.now <= .seconds(7))
        }
    }

    @Test func aNodeThatCannotRenewStopsToServeAndCannotWriteWhatOthersTook() async throws {
        try await withHosts(2, hosting: Tally.self) { cluster in
            _ = try await cluster[0].object("Tally", "a").ask(Increase())
            cluster.time.advance(by: .milliseconds(4500))
            let failure = await #expect(throws: CallError.self) { try await cluster[0].object("Tally", "a").ask(Increase()) }
            #expect(failure?.code == .unavailable)
            cluster.time.advance(by: .seconds(1))
            try await cluster[1].keeper.join()
            let total = try await cluster[1].object("Tally", "a").ask(Increase())
            #expect(total == 2)
            // It comes back and has not noticed yet that it has lost the object: the store refuses its commit.
            try await cluster[0].keeper.join()
            let fenced = await #expect(throws: CallError.self) { try await cluster[0].object("Tally", "a").ask(Increase()) }
            #expect(fenced?.code == .unavailable)
            let next = try await retrying { try await cluster[0].object("Tally", "a").ask(Increase()) }
            #expect(next == 3)
        }
    }

    @Test("a message is handed on once, though each of two nodes believes that the other has its object", arguments: [nil, "node2"])
    func wrongBeliefs(_ owner: String?) async throws {
        try await withHosts(3, hosting: Tally.self) { cluster in
            let object = ObjectID(kind: "Tally", id: "a")
            for (believer, believed) in [(0, "node1"), (1, "node0")] {
                let ownership = try #require(try await cluster.backbone.claim(object, for: believed))
                _ = try await cluster[believer].ownership.claim(object, isHandedOn: false)
                #expect(cluster[believer].ownership.knownOwner(of: object) == believed)
                try await cluster.backbone.release(object, ownership)
            }
            if let owner { _ = try await cluster.backbone.claim(object, for: owner) }
            let total = try await cluster[0].object("Tally", "a").ask(Increase())
            #expect(total == 1)
            // Who does not have it says so, and the first looks again.
            #expect(cluster.hosts.map(\.ownership.statistics.forwarded) == [owner == nil ? 1 : 2, 0, 0])
            #expect(cluster.hosts.map(\.objects.activeCount) == (owner == nil ? [0, 1, 0] : [0, 0, 1]))
        }
    }

    /// Asks again for a while, as clients do that are told to.
    private func retrying(_ body: () async throws -> Int) async throws -> Int {
        for _ in 0..<100 {
            do {
                return try await body()
            } catch let error as CallError where error.code == .unavailable {
                await Task.yield()
            }
        }
        return try await body()
    }
}
