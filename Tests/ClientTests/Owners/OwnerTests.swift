import RivuletBroker
import RivuletSubscriptions
import TestSupport
import Testing

@testable import RivuletClient

@Suite(.timeLimit(.minutes(1))) struct OwnerTests {
    private func failure(_ body: () async throws -> Void) async -> CallError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? CallError)?.code
        }
    }

    @Test func theOwnerIsCalledDirectlyOnceAnAnswerHasNamedIt() async throws {
        try await withNodes { client, nodes in
            try await client.ask("1", "first")
            #expect(nodes[0].arrivals == ["first"])
            try await client.ask(untilItIsReachedAt: nodes[1])
            let before = nodes[0].arrivals.count
            for number in 0..<20 { try await client.ask("1", "\(number)") }
            #expect(nodes[0].arrivals.count == before)
            #expect(nodes[1].arrivals.suffix(20) == (0..<20).map(String.init))
            // The next object needs one call only to be found there.
            try await client.ask("2", "found")
            try await client.ask("2", "direct")
            #expect(nodes[0].arrivals.last == "found")
            #expect(nodes[1].arrivals.last == "direct")
            #expect(nodes[1].connections == 1)
        }
    }

    @Test func aClientThatDoesNotFollowStays() async throws {
        try await withNodes {
            $0.followsOwners = false
        } _: { client, nodes in
            for _ in 0..<20 { try await client.ask() }
            #expect(nodes[0].arrivals.count == 20)
            #expect(nodes[1].broker.bus.statistics.totalConnections == 0)
        }
    }

    @Test func theOwnersEndFailsWhatIsUnderWayAndLeadsBack() async throws {
        try await withNodes { client, nodes in
            try await client.ask(untilItIsReachedAt: nodes[1])
            nodes[1].turn(.beSilent)
            async let failure = failure { try await client.ask("1", "under way") }
            try await until { nodes[1].arrivals.last == "under way" }
            nodes[0].turn(.own)
            await nodes[1].broker.stop()
            #expect(await failure == .unavailable)
            try await client.ask(untilItIsReachedAt: nodes[0])
            #expect(!nodes[0].arrivals.contains("under way"))
            #expect(client.isConnected)
        }
    }

    @Test func anOwnerThatLetsNobodyInIsNotTriedAgainAtOnce() async throws {
        let closed = try await ObjectNode.start { $0.auth = AuthConfiguration(token: Secret("other")) }
        let open = try await ObjectNode.start()
        open.turn(.handOn(to: closed.address))
        try await withRivuletClient(open.broker.url, closed.broker.url) { client in
            try await client.ask()
            try await until { closed.broker.bus.statistics.totalConnections == 1 }
            for _ in 0..<100 { try await client.ask() }
            try await until { closed.connections == 0 }
            for _ in 0..<100 { try await client.ask() }
            #expect(open.arrivals.count == 201)
            #expect(closed.broker.bus.statistics.totalConnections == 1)
        }
        await open.broker.stop()
        await closed.broker.stop()
    }

    @Test func anAddressThatTheServerDoesNotVouchForIsNotFollowed() async throws {
        let stranger = try await ObjectNode.start()
        try await withNodes { client, nodes in
            for address in [stranger.address, "evil\u{1}:x", "a:b@c:1", ""] {
                nodes[0].turn(.handOn(to: address))
                for _ in 0..<10 { try await client.ask() }
            }
            #expect(nodes[0].arrivals.count == 40)
            #expect(stranger.broker.bus.statistics.totalConnections == 0)
        }
        await stranger.broker.stop()
    }

    @Test func theOwnersConnectionLogsInAsTheClientDoes() async throws {
        try await withNodes(token: "t") {
            $0.credentials = .token("t")
        } _: { client, nodes in
            try await client.ask(untilItIsReachedAt: nodes[1])
        }
    }

    @Test func theMainConnectionsOwnAddressNeedsNoOther() async throws {
        try await withNodes { client, nodes in
            nodes[0].turn(.handOn(to: nodes[0].address))
            for _ in 0..<20 { try await client.ask() }
            #expect(nodes[0].broker.bus.statistics.totalConnections == 1)
        }
    }

    @Test func anObjectIsFollowedOnAndBackFromWhoRefuses() async throws {
        try await withNodes(3) { client, nodes in
            try await client.ask(untilItIsReachedAt: nodes[1])
            nodes[1].turn(.handOn(to: nodes[2].address))
            nodes[0].turn(.handOn(to: nodes[2].address))
            try await client.ask(untilItIsReachedAt: nodes[2])
            nodes[2].turn(.refuse)
            nodes[0].turn(.own)
            #expect(try await client.ask()?.code == .unavailable)
            #expect(try await client.ask("1", "back") == nil)
            #expect(nodes[0].arrivals.last == "back")
        }
    }

    @Test func whoAsksMuchAtOnceGetsThereAsWell() async throws {
        try await withNodes { client, nodes in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for caller in 0..<8 {
                    group.addTask {
                        try await until {
                            let payload = "\(caller) \(UInt64.random(in: .min ... .max))"
                            try await client.ask("1", payload)
                            return nodes[1].arrivals.contains(payload)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func aRequestThatWaitsForAChangeEndsAtItsTimeAndWhenItIsCancelled() async throws {
        try await withNodes(3) { client, nodes in
            try await client.ask(untilItIsReachedAt: nodes[1])
            nodes[0].turn(.handOn(to: nodes[2].address))
            try await client.ask("other", untilItIsReachedAt: nodes[2])
            nodes[1].turn(.beSilent)
            async let first = client.ask("1", "first")
            try await until { nodes[1].arrivals.last == "first" }
            async let last = client.ask("1", "last")
            try await until { nodes[1].arrivals.last == "last" }
            nodes[1].answer(.handOn(to: nodes[2].address))
            _ = try await first
            #expect(await failure { try await client.ask("1", "held", timeout: .milliseconds(20)) } == .deadline)
            await withTaskGroup { group in
                group.addTask { await #expect(throws: CancellationError.self) { try await client.ask("1", "held") } }
                group.cancelAll()
            }
            nodes[1].turn(.own)
            async let next = client.ask("1", "next")
            nodes[1].answer(.own)
            _ = try await (last, next)
            #expect(!nodes.contains { $0.arrivals.contains("held") })
        }
    }

    @Test func closingSendsWhatWasPublishedAndEndsTheConnections() async throws {
        let nodes = [try await ObjectNode.start(), try await ObjectNode.start()]
        nodes[0].turn(.handOn(to: nodes[1].address))
        let client = try await RivuletClient.connect(nodes.map(\.broker.url))
        try await client.ask(untilItIsReachedAt: nodes[1])
        for number in 0..<1000 { try client.send("1", "\(number)") }
        await client.close()
        #expect(nodes[1].arrivals.suffix(1000) == (0..<1000).map(String.init))
        try await until { nodes.allSatisfy { $0.connections == 0 } }
        await #expect(throws: CallError.self) { try await client.ask() }
        for node in nodes { await node.broker.stop() }
    }

    @Test func aConnectionThatNobodyUsesEndsAndIsMadeAgain() async throws {
        try await withNodes {
            $0.ownerLimits.idle = .milliseconds(10)
        } _: { client, nodes in
            try await client.ask(untilItIsReachedAt: nodes[1])
            try await until { nodes[1].connections == 0 }
            try await client.ask(untilItIsReachedAt: nodes[1])
            #expect(client.isConnected)
        }
    }

    @Test func anOwnerThatIsAboutToGoAwayStillAnswersWhatItWasAskedBefore() async throws {
        let nodes = [try await ObjectNode.start(), try await ObjectNode.start { $0.lameDuckDuration = .seconds(50) }]
        nodes[0].turn(.handOn(to: nodes[1].address))
        for node in nodes { node.broker.bus.advertise(nodes.map(\.address)) }
        var configuration = ClientConfiguration()
        configuration.requestTimeout = .seconds(50)
        try await withRivuletClient(nodes[0].broker.url, configuration: configuration) { client in
            for id in ["1", "2"] { try await client.ask(id, untilItIsReachedAt: nodes[1]) }
            nodes[1].turn(.beSilent)
            async let answer = client.ask("1", "under way")
            try await until { nodes[1].arrivals.last == "under way" }
            nodes.forEach { $0.turn(.own) }
            let (turns, end) = AsyncStream.makeStream(of: Void.self)
            async let drained: Void = nodes[1].broker.bus.drain { for await _ in turns {} }
            // Others are asked elsewhere already.
            try await until {
                try await client.ask("2", "elsewhere")
                return nodes[0].arrivals.last == "elsewhere"
            }
            nodes[1].answer(.own)
            #expect(try await answer == nil)
            try await until { nodes[1].connections == 0 }
            end.finish()
            await drained
        }
        for node in nodes { await node.broker.stop() }
    }

    @Test func ordersAreKeptWhileThePathChanges() async throws {
        try await withNodes { client, nodes in
            // What the first node hands on takes its time.
            let (handedOn, handOn) = AsyncStream.makeStream(of: BusMessage.self)
            let owner = nodes[1].broker.bus
            let first = nodes[0].broker.bus
            let address = nodes[1].address
            nodes[0].turn(.beSilent)
            let slow = try first.attach(SubjectPattern("obj.>"), queue: nil) { handOn.yield($0) }
            let returns = try owner.attach(SubjectPattern("back.>"), queue: nil) { message in
                var answer = message
                answer.subject = Subject(received: message.subject.description.utf8.dropFirst("back.".utf8.count))
                answer.headers[HeaderName.owner] = address
                try? first.publish(answer)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await message in handedOn {
                        for _ in 0..<Int.random(in: 0..<20) { await Task.yield() }
                        var passed = message
                        passed.reply = message.reply.map { Subject(received: ("back." + $0.description).utf8) }
                        try owner.publish(passed)
                    }
                }
                for id in ["a", "b", "c", "d"] {
                    async let asking: Void = {
                        for _ in 0..<50 { try await client.ask(id, "?") }
                    }()
                    for number in 0..<300 {
                        try client.send(id, "\(id) \(number)")
                        for _ in 0..<Int.random(in: 0..<10) { await Task.yield() }
                    }
                    try await asking
                    try await client.ask(id, "\(id) 300")
                }
                handOn.finish()
                try await group.waitForAll()
            }
            for id in ["a", "b", "c", "d"] {
                let numbers = nodes[1].arrivals.filter { $0.hasPrefix(id) }.compactMap { Int($0.dropFirst(2)) }
                #expect(numbers == Array(0...300))
            }
            slow.cancel()
            returns.cancel()
        }
    }
}
