import RivuletBackbone
import RivuletObjects
import RivuletTesting
import Testing

@Suite(.timeLimit(.minutes(1))) struct CallTests {
    private func request(_ node: TestNode, _ subject: String, _ payload: String, headers: Headers = Headers()) async throws -> BusMessage {
        let requester = Requester(bus: node.bus, time: SystemTime())
        defer { requester.close() }
        let message = BusMessage(subject: try Subject(subject), headers: headers, payload: Array(payload.utf8))
        return try await requester.request(message, deadline: SystemTime().now + .seconds(30))
    }

    private func refusal(_ node: TestNode, _ subject: String, _ payload: String, headers: Headers = Headers()) async throws -> CallError? {
        CallError(reply: try await request(node, subject, payload, headers: headers))
    }

    @Test func aCallIsJSONOnASubject() async throws {
        try await withNode(hosting: Counter.self) { node in
            let reply = try await request(node, "obj.Counter.a.Add", #"{"amount":4}"#)
            #expect(String(decoding: reply.payload, as: UTF8.self) == "4")
            #expect(reply.headers.isEmpty)
        }
    }

    @Test func errorsSaySpecificallyWhatIsWrong() async throws {
        try await withNode(hosting: Counter.self) { node in
            let unknownKind = try await refusal(node, "obj.Kounter.a.Add", "{}")
            #expect(unknownKind?.description == "404 there is no kind \"Kounter\"; this node serves Counter")
            let unknownMessage = try await refusal(node, "obj.Counter.a.Fly", "{}")
            #expect(unknownMessage?.description.hasPrefix("404 Counter has no message \"Fly\"; it answers Add, Total") == true)
            let missing = try await refusal(node, "obj.Counter.a.Add", "{}")
            #expect(missing?.description == "400 Add: \"amount\" is missing")
            #expect(try await refusal(node, "obj.Counter.a.Add", "{nonsense")?.code == .undecodable)
            #expect(try await refusal(node, "obj.Counter.a.b.Add", "{}")?.message.contains("%2E") == true)
            #expect(try await refusal(node, "obj.Counter.100%.Add", "{}")?.code == .undecodable)
            let refused = try await request(node, "obj.Counter.a.Add", #"{"amount":101}"#)
            #expect(refused.headers["Nats-Service-Error-Code"] == "422")
            #expect(refused.headers["Nats-Service-Error"] == "more than 100 is too much")
            #expect(String(decoding: refused.payload, as: UTF8.self) == #"{"limit":100}"#)
        }
    }

    @Test(arguments: ["🎲", "a.b", "with space", "*", ">", "100%", "ü/ö"]) func anyIdCanBeCalledByItsName(_ id: String) async throws {
        try await withNode(hosting: Counter.self) { node in
            let total = try await node.object(Counter.self, id).ask(Add(amount: 1))
            #expect(total == 1)
            #expect(node.events(of: Counter.self, id).map(\.object.id) == [id])
        }
    }

    @Test func aRepeatedMessageIDIsAnsweredFromTheRecord() async throws {
        let store = InMemoryBackbone(time: ManualTime())
        for round in 1...2 {
            // The second round is another node on the same store.
            try await withNode(hosting: Counter.self, store: store) { node in
                let counter = node.object(Counter.self, "a")
                for _ in 1...2 {
                    let same = try await counter.ask(Add(amount: 1), messageID: "same")
                    #expect(same == 1)
                }
                #expect(try await counter.ask(Add(amount: 1), messageID: "other\(round)") == round + 1)
            }
        }
    }

    @Test func aJumpOfTheWallClockMakesNoRequestForgotten() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "a")
            for hours in [0, 1, -2] {
                node.clock.jumpWall(by: .seconds(3600 * hours))
                #expect(try await counter.ask(Add(amount: 1), messageID: "m") == 1)
                _ = try await counter.ask(Add(amount: 1), messageID: "other\(hours)")
            }
        }
    }

    @Test func aRefusedRequestIsNotRecorded() async throws {
        try await withNode(hosting: Counter.self) { node in
            let counter = node.object(Counter.self, "a")
            await #expect(throws: TooMuch.self) { try await counter.ask(Add(amount: 101), messageID: "m") }
            let total = try await counter.ask(Add(amount: 1), messageID: "m")
            #expect(total == 1)
        }
    }

    @Test func objectsAskAndTellOthers() async throws {
        try await withNode(hosting: Counter.self) { node in
            #expect(try await node.object(Counter.self, "a").ask(Ask(other: "b", amount: 7)) == 7)
            _ = try await node.object(Counter.self, "a").ask(Tell(amount: 3))
            await node.settle()
            #expect(try await node.object(Counter.self, "told").ask(Total()) == 3)
        }
    }

    @Test func aCallCycleIsRefused() async throws {
        try await withNode(hosting: Ring.self) { node in
            let failure = await #expect(throws: CallError.self) {
                try await node.object(Ring.self, "0").ask(Pass(size: 3), timeout: .seconds(60))
            }
            #expect(failure?.code == .callCycle)
            // Nobody is stuck.
            let value = try await node.object(Ring.self, "0").ask(Pass(size: 0))
            #expect(value == "0")
        }
    }

    @Test func aCallWhoseDeadlineHasPassedDoesNotRun() async throws {
        let gate = Gate()
        try await withNode(hosting: Counter.self, dependencies: Dependencies().with(gate)) { node in
            let counter = node.object(Counter.self, "a")
            async let first = counter.ask(Wait(), timeout: .seconds(600))
            await gate.arrived()
            async let late = refusal(node, "obj.Counter.a.Add", #"{"amount":1}"#, headers: ["Rivulet-Timeout": "0"])
            await gate.open()
            let value = try await first
            #expect(value == 1)
            #expect(try await late?.code == .deadline)
            #expect(try await counter.ask(Total()) == 1)
        }
    }

    @Test func aFullMailboxRefuses() async throws {
        let gate = Gate()
        try await withNode(hosting: Small.self, dependencies: Dependencies().with(gate)) { node in
            let small = node.object(Small.self, "a")
            async let first = small.ask(Wait(), timeout: .seconds(600))
            await gate.arrived()
            for _ in 0..<4 { try small.send(Wait()) }
            let failure = await #expect(throws: CallError.self) { try await small.ask(Wait(), timeout: .seconds(60)) }
            #expect(failure?.code == .overloaded)
            await gate.open()
            #expect(try await first == 1)
            await node.settle()
            #expect(try await small.ask(Wait()) == 6)
        }
    }

    @Test func kindsAnnounceThemselvesAsServices() async throws {
        try await withNode(hosting: Counter.self) { node in
            let ping = try await request(node, "$SRV.PING.Counter", "")
            #expect(String(decoding: ping.payload, as: UTF8.self).contains("io.nats.micro.v1.ping_response"))
            let info = try await request(node, "$SRV.INFO.Counter", "")
            #expect(String(decoding: info.payload, as: UTF8.self).contains("obj.Counter.*.Add"))
        }
    }
}

struct Pass: Message {
    typealias Reply = String
    var size: Int
}

/// Each asks its neighbour, the last one the first.
struct Ring: ServiceObject {
    struct State: Codable, Sendable {}
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Pass.self) { object, message, turn in
            guard message.size > 0, let number = Int(turn.id) else { return turn.id }
            return try await turn.object(Ring.self, String((number + 1) % message.size)).ask(message)
        }
    }
}

/// Four messages may wait.
struct Small: ServiceObject {
    static var configuration: ObjectConfiguration { ObjectConfiguration(persistence: .none, mailboxCapacity: 4) }
    struct State: Codable, Sendable { var count = 0 }
    var state = State()

    static var handlers: Handlers<Self> {
        Handle(Wait.self) { object, _, turn in
            await (try turn.dependency(Gate.self)).pass()
            object.state.count += 1
            return object.state.count
        }
    }
}
