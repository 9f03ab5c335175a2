import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletSubscriptions
import RivuletTesting
import RivuletWire
import Synchronization
import TestSupport
import Testing

@Suite("Brokers that a relay makes one", .timeLimit(.minutes(2)))
struct ClusterRelayTests {
    @Test("messages reach subscribers of other nodes in order, once, with headers and reply, also by wildcards")
    func publishing() async throws {
        try await withRelay(3) { nodes in
            let (first, second) = (try nodes[1].subscribe("a.*"), try nodes[2].subscribe("a.>"))
            let own = try nodes[0].subscribe("a.b")
            try await nodes[0].knows("a.*", of: nodes[1])
            try await nodes[0].knows("a.>", of: nodes[2])
            var message = BusMessage(subject: try Subject("a.b"), reply: try Subject("answer"), payload: Array("1".utf8))
            message.headers["K"] = "v"
            try nodes[0].broker.publish(message)
            for number in 2...500 { try nodes[0].publish("a.b", "\(number)") }
            for inbox in [first, second, own] {
                try await until { inbox.all.count >= 500 }
                #expect(inbox.payloads == (1...500).map(String.init))
                #expect(inbox.all.first == message)
            }
            #expect(nodes[0].broker.statistics.relayedOutMessages == 500)
            #expect(nodes[1].broker.statistics.relayedInMessages == 500)
            #expect(nodes[1].broker.statistics.inMessages == 0)
        }
    }

    @Test("messages in a row cross in order")
    func runs() async throws {
        try await withRelay(2) { nodes in
            let inbox = try nodes[1].subscribe("a")
            try await nodes[0].knows("a", of: nodes[1])
            var run = MessageRun(subject: try Subject("a"))
            for number in 0..<3000 { run.append { $0 += Array("\(number)".utf8) } }
            try await nodes[0].broker.publish(run)
            try await until { inbox.all.count >= 3000 }
            #expect(inbox.payloads == (0..<3000).map(String.init))
        }
    }

    @Test("a node fetches events for subscribers of its own, not for those of others")
    func subscribersHere() async throws {
        try await withRelay(2) { nodes in
            let inbox = try nodes[1].subscribe("evt.K.a.>")
            try await nodes[0].knows("evt.K.a.>", of: nodes[1])
            let (kind, other) = (try Subject("evt.K"), try Subject("evt.L"))
            #expect(nodes[1].broker.hasSubscribers(under: kind))
            #expect(!nodes[1].broker.hasSubscribers(under: other))
            #expect(!nodes[0].broker.hasSubscribers(under: kind))
            inbox.cancel()
            #expect(!nodes[1].broker.hasSubscribers(under: kind))
        }
    }

    @Test("what nobody elsewhere subscribes to any more is not relayed")
    func unsubscribing() async throws {
        try await withRelay(2) { nodes in
            let inbox = try nodes[1].subscribe("a")
            try await nodes[0].knows("a", of: nodes[1])
            try nodes[0].publish("a", "1")
            try await until { inbox.all.count == 1 }
            inbox.cancel()
            try await nodes[0].knows("a", of: nodes[1], false)
            try nodes[0].publish("a", "2")
            #expect(nodes[0].broker.statistics.relayedOutMessages == 1)
            #expect(nodes[0].broker.statistics.subscriptions == 0)
        }
    }

    @Test(
        "of a queue group one member in the cluster gets each message: of the publisher's node, and only without any, of the others in turn"
    )
    func queueGroups() async throws {
        try await withRelay(3) { nodes in
            let inboxes = try nodes.map { try $0.subscribe("work", queue: "workers") }
            let observer = try nodes[2].subscribe("work")
            try await nodes[0].knows("work", queue: "workers", of: nodes[1])
            try await nodes[0].knows("work", queue: "workers", of: nodes[2])
            try await nodes[0].knows("work", of: nodes[2])
            for number in 0..<100 { try nodes[0].publish("work", "\(number)") }
            #expect(inboxes[0].all.count == 100)
            try await until { observer.all.count == 100 }
            inboxes[0].cancel()
            for number in 100..<200 { try nodes[0].publish("work", "\(number)") }
            try await until { observer.all.count == 200 }
            try await until { inboxes[1].all.count + inboxes[2].all.count == 100 }
            #expect(inboxes[1].all.count == 50)
            #expect(Set(inboxes.flatMap(\.payloads)).count == 200)
            #expect(observer.payloads == (0..<200).map(String.init))
        }
    }

    @Test("requests cross nodes, and their answers come back, from groups and from whoever listens")
    func requests() async throws {
        try await withRelay(3) { nodes in
            let service = try nodes[1].serve("plain")
            let member = try nodes[2].serve("grouped", queue: "q")
            try await nodes[0].knows("plain", of: nodes[1])
            try await nodes[0].knows("grouped", queue: "q", of: nodes[2])
            for _ in 0..<50 {
                #expect(try await nodes[0].request("plain") == "node.1")
                #expect(try await nodes[0].request("grouped") == "node.2")
            }
            #expect(try await nodes[1].request("plain") == "node.1")
            service.cancel()
            member.cancel()
        }
    }

    @Test("an answer finds back over a node between, and through the one that asked")
    func replyOfAnotherNode() async throws {
        try await withRelay(3) { nodes in
            // Hands each request on to a service, which answers the one who asked first.
            let between = try nodes[1].broker.attach(SubjectPattern("between"), queue: nil) { [broker = nodes[1].broker] message in
                try? broker.publish(BusMessage(subject: Subject(received: message.payload), reply: message.reply))
            }
            let services = try [nodes[0].serve("home"), nodes[2].serve("far")]
            try await nodes[0].knows("between", of: nodes[1])
            try await nodes[1].knows("home", of: nodes[0])
            try await nodes[1].knows("far", of: nodes[2])
            for (service, name) in [("home", "node.0"), ("far", "node.2")] {
                let requester = Requester(bus: nodes[0].broker, time: SystemTime())
                let reply = try await requester.request(
                    BusMessage(subject: try Subject("between"), payload: Array(service.utf8)), deadline: SystemTime().now + .seconds(60))
                #expect(String(decoding: reply.payload, as: UTF8.self) == name)
            }
            between.cancel()
            for service in services { service.cancel() }
        }
    }

    @Test("nobody is told to answer only where nobody in the cluster listens")
    func noResponders() async throws {
        try await withRelay(2) { nodes in
            let failure = await #expect(throws: BusError.self) { try await nodes[0].request("nobody") }
            #expect(failure?.code == .noResponders)
            #expect(nodes[0].broker.statistics.relayedOutMessages == 0)
        }
    }

    @Test("a member that has left just now is told of, though its node was asked")
    func noRespondersAnyMore() async throws {
        let backbone = InMemoryBackbone(time: ManualTime())
        let deaf = SelectiveRelay(backbone)
        try await withRelay(over: [backbone, deaf]) { nodes in
            let service = try nodes[1].serve("a", queue: "q")
            try await nodes[0].knows("a", queue: "q", of: nodes[1])
            deaf.dropsAnnouncements.withLock { $0 = true }
            service.cancel()
            let failure = await #expect(throws: BusError.self) { try await nodes[0].request("a") }
            #expect(failure?.code == .noResponders)
            deaf.dropsAnnouncements.withLock { $0 = false }
            try await nodes[0].knows("a", queue: "q", of: nodes[1], false)
        }
    }

    @Test("a request that a member which has left just now does not answer is not refused while others of its group listen")
    func otherResponders() async throws {
        let backbone = InMemoryBackbone(time: ManualTime())
        let deaf = SelectiveRelay(backbone)
        try await withRelay(over: [backbone, deaf, backbone]) { nodes in
            let services = try nodes.dropFirst().map { try $0.serve("a", queue: "q") }
            let echo = try nodes[1].serve("echo")
            for node in nodes.dropFirst() { try await nodes[0].knows("a", queue: "q", of: node) }
            try await nodes[0].knows("echo", of: nodes[1])
            deaf.dropsAnnouncements.withLock { $0 = true }
            services[0].cancel()
            let answers = try nodes[0].subscribe("_INBOX.answers.*")
            for number in 1...4 { try nodes[0].publish("a", reply: "_INBOX.answers.\(number)") }
            // What the first node says to them comes before this.
            #expect(try await nodes[0].request("echo") == "node.1")
            try await until { answers.payloads == ["node.2", "node.2"] }
            services[1].cancel()
            echo.cancel()
        }
    }

    @Test("messages for one node stay there, and so do calls, reads of streams and what is reserved, whoever subscribes to them elsewhere")
    func whatStays() async throws {
        try await withRelay(2) { nodes in
            let everything = try nodes[1].subscribe(">")
            let calls = try nodes[1].subscribe("obj.>")
            try await nodes[0].knows(">", of: nodes[1])
            try nodes[0].publish("evt.Table.1.Dealt", "durable", reach: .node)
            for subject in [
                "obj.Table.1.Hit", "$JS.API.DIRECT.GET.Table", "$SYS.REQ", "_INBOX.x", "$RIVULET.D.b.0.obj.Table.1.Hit",
                "_R_.node%2E1.obj.Table.1.Hit",
            ] {
                try nodes[0].publish(subject, subject)
            }
            try nodes[0].publish("evt.Table.1.Shown", "ephemeral")
            try await until { !everything.all.isEmpty }
            #expect(everything.payloads == ["ephemeral"])
            #expect(calls.all.isEmpty)
            #expect(nodes[0].relay.wantedElsewhere.values.flatMap(\.self).map(\.pattern.description) == [">"])
        }
    }

    @Test("one who subscribes to a reply subject of their own gets the answer, since the subscription is told first")
    func repliesOutsideInboxes() async throws {
        try await withRelay(2) { nodes in
            let service = try nodes[1].serve("service")
            try await nodes[0].knows("service", of: nodes[1])
            for number in 0..<50 {
                let inbox = try nodes[0].subscribe("my.replies.\(number)")
                try nodes[0].publish("service", reply: "my.replies.\(number)")
                try await until { inbox.payloads == ["node.1"] }
                inbox.cancel()
            }
            service.cancel()
        }
    }

    @Test("what a node wants that has left, or has died, is forgotten")
    func nodesThatLeave() async throws {
        let time = ManualTime()
        let backbone = InMemoryBackbone(time: time)
        try await withRelay(over: [backbone]) { nodes in
            let ghost = #"{"kind":"hello","node":"ghost","version":1,"added":[["a"],["b","q"]],"removed":[]}"#
            _ = try await backbone.join(NodeDescription(name: "ghost", address: ""), timeToLive: .seconds(5))
            try await backbone.send(Array(ghost.utf8), from: "ghost")
            try await until { nodes[0].relay.wantedElsewhere["ghost"]?.count == 2 }
            try nodes[0].publish("a")
            #expect(nodes[0].broker.statistics.relayedOutMessages == 1)
            time.advance(by: .seconds(6))
            try await until { nodes[0].relay.wantedElsewhere["ghost"] == nil }
            try nodes[0].publish("a")
            #expect(nodes[0].broker.statistics.relayedOutMessages == 1)
            _ = try await backbone.join(NodeDescription(name: "ghost", address: ""), timeToLive: .seconds(5))
            try await backbone.send(Array(ghost.utf8), from: "ghost")
            try await until { nodes[0].relay.wantedElsewhere["ghost"]?.count == 2 }
            try await backbone.send(Array(#"{"kind":"bye","node":"ghost","version":0,"added":[],"removed":[]}"#.utf8), from: "ghost")
            try await until { nodes[0].relay.wantedElsewhere["ghost"] == nil }
        }
    }

    @Test("more patterns than are announced are announced coarser, and messages still arrive")
    func coarsePatterns() async throws {
        try await withRelay(2) {
            $0.announcedPatterns = 10
        } body: { nodes in
            let inboxes = try (0..<40).map { try nodes[1].subscribe("room.\($0).said") }
            try await nodes[0].knows("room.>", of: nodes[1])
            #expect(nodes[0].relay.wantedElsewhere["node.1"]?.count ?? 0 <= 10)
            for number in 0..<40 { try nodes[0].publish("room.\(number).said", "\(number)") }
            for number in 0..<40 { try await until { inboxes[number].payloads == ["\(number)"] } }
            for inbox in inboxes[3...] { inbox.cancel() }
            try await nodes[0].knows("room.>", of: nodes[1], false)
            try await nodes[0].knows("room.0.said", of: nodes[1])
            try await until { nodes[0].relay.wantedElsewhere["node.1"]?.count == 3 }
        }
    }

    @Test("while the backbone takes nothing, so much waits as may, and the rest is dropped and counted")
    func bounds() async throws {
        let backbone = InMemoryBackbone(time: ManualTime())
        let slow = SelectiveRelay(backbone)
        try await withRelay(over: [slow, backbone]) {
            $0.maximumPending = 10_000
            $0.stallThreshold = 5000
            $0.batchSize = 2000
        } body: { nodes in
            let inbox = try nodes[1].subscribe("a")
            try await nodes[0].knows("a", of: nodes[1])
            slow.holdsMessages.withLock { $0 = true }
            let payload = String(repeating: "x", count: 92)  // 100 bytes and more as a frame
            for _ in 0..<200 { try nodes[0].publish("a", payload) }
            let taken = nodes[0].broker.statistics.relayedOutMessages
            let dropped = nodes[0].broker.statistics.relayedDropped
            #expect((90...100).contains(taken))
            #expect(taken + dropped == 200)
            slow.holdsMessages.withLock { $0 = false }
            try await until { inbox.all.count == taken }
            try nodes[0].publish("a", "last")
            try await until { inbox.payloads.last == "last" }
            #expect(inbox.all.count == taken + 1)
        }
    }

    @Test("batches that the backbone refuses are dropped and counted, and those after them arrive")
    func refusals() async throws {
        let backbone = InMemoryBackbone(time: ManualTime())
        let broken = SelectiveRelay(backbone)
        try await withRelay(over: [broken, backbone]) { nodes in
            let inbox = try nodes[1].subscribe("a")
            try await nodes[0].knows("a", of: nodes[1])
            broken.fails.withLock { $0 = true }
            try nodes[0].publish("a", "lost")
            try await until { nodes[0].broker.statistics.relayedDropped == 1 }
            let late = try nodes[0].subscribe("late")
            broken.fails.withLock { $0 = false }
            try nodes[0].publish("a", "found")
            try await until { !inbox.all.isEmpty }
            #expect(inbox.payloads == ["found"])
            try await nodes[1].knows("late", of: nodes[0])
            late.cancel()
        }
    }

    @Test("one who fell behind hears again, and knows again what the others want")
    func fallingBehind() async throws {
        let backbone = InMemoryBackbone(time: ManualTime())
        let cut = SelectiveRelay(backbone)
        try await withRelay(over: [backbone, cut]) {
            $0.retryPause = .zero
        } body: { nodes in
            let inbox = try nodes[1].subscribe("a")
            try await nodes[0].knows("a", of: nodes[1])
            let other = try nodes[0].subscribe("b")
            try await nodes[1].knows("b", of: nodes[0])
            cut.cutOff()
            other.cancel()
            let third = try nodes[0].subscribe("c")
            try await nodes[1].knows("c", of: nodes[0])
            try await nodes[1].knows("b", of: nodes[0], false)
            try nodes[0].publish("a", "1")
            try await until { inbox.payloads == ["1"] }
            third.cancel()
        }
    }

    @Test("a broker alone again relays nothing")
    func draining() async throws {
        try await withRelay(2) { nodes in
            let inbox = try nodes[1].subscribe("a")
            try await nodes[0].knows("a", of: nodes[1])
            let back = try nodes[0].subscribe("b")
            try await nodes[1].knows("b", of: nodes[0])
            try nodes[0].publish("a", "last")
            nodes[0].relay.drain()
            try nodes[0].publish("a", "too late")
            try await until { nodes[1].relay.wantedElsewhere["node.0"] == nil }
            #expect(inbox.payloads == ["last"])
            back.cancel()
        }
    }
}
