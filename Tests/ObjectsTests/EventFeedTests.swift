import RivuletBackbone
import RivuletObjects
import RivuletTesting
import Testing

@Suite(.timeLimit(.minutes(2))) struct EventFeedTests {
    private func call(_ node: TestNode, _ object: String, times: Int) async throws {
        for _ in 0..<times { _ = try await node.object(Counter.self, object).ask(Add(amount: 1)) }
    }

    /// Waits until every node's subscriber has seen so many events; `meanwhile` is done again and again.
    private func see(_ count: Int, on nodes: [TestNode], meanwhile: () -> Void = {}) async throws {
        while nodes.contains(where: { $0.events(of: Counter.self).count < count }) {
            try Task.checkCancellation()
            meanwhile()
            await Task.yield()
        }
    }

    private func expectAll(_ count: Int, on nodes: [TestNode]) {
        for node in nodes {
            #expect(node.events(of: Counter.self).map(\.position.sequence) == Array(1...UInt64(count)))
            #expect(node.events(of: Counter.self) == nodes[0].events(of: Counter.self))
        }
    }

    @Test func subscribersOfEveryNodeSeeTheEventsOfAllNodesInOrder() async throws {
        try await withNodes(3, hosting: Counter.self) { nodes in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, node) in nodes.enumerated() {
                    group.addTask { try await call(node, "a\(number)", times: 40) }
                    group.addTask { try await call(node, "b\(number)", times: 40) }
                }
                try await group.waitForAll()
            }
            try await see(240, on: nodes)
            expectAll(240, on: nodes)
        }
    }

    @Test func eventsOfOtherNodesHaveTheSameHeadersWithoutTheTrace() async throws {
        try await withNodes(2, hosting: Counter.self) { nodes in
            let live = try nodes[1].bus.subscribe(SubjectPattern("evt.Counter.a.Added"))
            let requester = Requester(bus: nodes[0].bus, time: SystemTime())
            let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            for _ in 1...2 {
                let call = BusMessage(
                    subject: try Subject("obj.Counter.a.Add"), headers: [HeaderName.traceParent: trace],
                    payload: try JSONPayload.encode(Add(amount: 1)))
                _ = try await requester.request(call, deadline: SystemTime().now + .seconds(50))
            }
            requester.close()
            var messages = live.makeAsyncIterator()
            for sequence in 1...2 {
                let message = try #require(try await messages.next())
                #expect(message.headers[HeaderName.sequence] == "\(sequence)")
                #expect(message.headers[HeaderName.previous] == "\(sequence - 1)")
                #expect(
                    Set(message.headers.map(\.name)) == [
                        HeaderName.stream, HeaderName.sequence, HeaderName.timeStamp, HeaderName.epoch, HeaderName.previous,
                    ])
            }
        }
    }

    @Test func aDoorbellThatNeverRingsIsNotNeeded() async throws {
        let store = StallingStore()
        await store.silence()
        try await withNodes(2, hosting: Counter.self, store: store) { nodes in
            try await call(nodes[0], "a", times: 3)
            try await call(nodes[1], "b", times: 3)
            try await see(6, on: nodes) { nodes[0].clock.skip(.seconds(1)) }
            expectAll(6, on: nodes)
        }
    }

    @Test func aStoreThatCannotBeReadForAWhileLosesNothing() async throws {
        let store = StallingStore()
        try await withNodes(2, hosting: Counter.self, store: store) { nodes in
            try await call(nodes[0], "a", times: 2)
            try await see(2, on: nodes)
            await store.failReads(StoreError(.unavailable, "the store is away"))
            try await call(nodes[0], "a", times: 3)
            try await call(nodes[1], "b", times: 3)
            while await store.failedReads < 5 { nodes[0].clock.skip(.milliseconds(100)) }
            #expect(nodes[1].events(of: Counter.self).count == 2)
            await store.failReads(nil)
            try await see(8, on: nodes) { nodes[0].clock.skip(.milliseconds(100)) }
            expectAll(8, on: nodes)
        }
    }

    @Test func aNodeThatStartsBeginsWithWhatComesThen() async throws {
        let store = InMemoryBackbone(time: SystemTime())
        try await withNode(hosting: Counter.self, store: store) { try await call($0, "a", times: 5) }
        try await withNodes(2, hosting: Counter.self, store: store) { nodes in
            try await call(nodes[0], "a", times: 2)
            try await see(2, on: nodes)
            for node in nodes { #expect(node.events(of: Counter.self).map(\.position.sequence) == [6, 7]) }
        }
    }

    @Test func aCommitWhoseOutcomeWasUnknownAppearsIfItHappened() async throws {
        let store = StallingStore()
        try await withNodes(2, hosting: Counter.self, store: store) { nodes in
            await store.loseOutcome()
            let failure = await #expect(throws: CallError.self) { try await call(nodes[0], "a", times: 1) }
            #expect(failure?.code == .unavailable)
            try await call(nodes[0], "a", times: 1)
            try await see(2, on: nodes)
            expectAll(2, on: nodes)
        }
    }

    @Test func eventsOfKindsThatANodeDoesNotHostReachItsSubscribers() async throws {
        let store = InMemoryBackbone(time: SystemTime())
        try await withNodes(2, hosting: Fleeting.self, store: store) { nodes in
            // As a node would that began to host the kind.
            try await store.open("Counter")
            let event = NewEvent(subject: try Subject("evt.Counter.a.Added"), payload: Array(#"{"amount":1,"total":1}"#.utf8))
            for version in 0..<3 as Range<UInt64> {
                _ = try await store.commit([
                    TurnCommit(
                        object: ObjectID(kind: "Counter", id: "a"), ownerEpoch: 0, expectedVersion: version, state: nil, events: [event])
                ])
            }
            try await see(3, on: nodes)
            expectAll(3, on: nodes)
        }
    }

    @Test func followersOnOtherNodesMissNothing() async throws {
        try await withNodes(2, hosting: Counter.self) { nodes in
            async let followed = follow(100, on: nodes[1])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, node) in nodes.enumerated() { group.addTask { try await call(node, "a\(number)", times: 50) } }
                try await group.waitForAll()
            }
            #expect(try await followed == Array(1...100))
        }
    }

    private func follow(_ count: Int, on node: TestNode) async throws -> [UInt64] {
        var events: [UInt64] = []
        for try await item in node.events(kind: "Counter", from: .beginning) {
            switch item {
            case .event(let event, let position) where event.durability == .durable: events.append(position.sequence)
            case .gap(let gap): Issue.record("\(gap)")
            case .event, .caughtUp: break
            }
            if events.count == count { break }
        }
        return events
    }
}
