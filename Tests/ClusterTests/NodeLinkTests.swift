import Dispatch
import RivuletBroker
import RivuletClient
import RivuletCluster
import RivuletSubscriptions
import RivuletTesting
import RivuletWire
import Synchronization
import TestSupport
import Testing

/// The ways that messages take to another node.
@Suite(.timeLimit(.minutes(1)))
struct NodeLinkTests {
    @Test func messagesOfOneSenderKeepTheirOrderWhileTheConnectionIsMadeAndAfter() async throws {
        try await LinkedNode().whileRunning { node in
            let sent = try await withThrowingTaskGroup(of: [String].self) { group in
                for sender in 0..<4 { group.addTask { try await send(as: sender, at: node) } }
                return try await group.reduce(into: []) { $0 += [$1] }
            }
            let count = sent.map(\.count).reduce(0, +)
            try await until { node.other.connections[0].arrived.count == count }
            let arrived = node.other.connections[0].arrived
            for messages in sent {
                let prefix = messages[0].prefix(2)
                #expect(arrived.filter { $0.hasPrefix(prefix) } == messages)
            }
        }
    }

    @Test func whatIsSentWhileAMessageIsPassedComesAfterIt() async throws {
        try await LinkedNode().whileRunning { node in
            node.other.onArrival { [weak node] message in
                let number = Int(String(decoding: message.payload, as: UTF8.self)) ?? 0
                if number < 10_000 { try node?.handOn("\(number + 1)") }
            }
            node.other.admit()
            try node.handOn("0")
            try await until { node.other.connections.first?.arrived.count == 10_001 }
            #expect(node.other.connections[0].arrived == (0...10_000).map(String.init))
        }
    }

    @Test func messagesArePassedBeforeTheirSenderGoesOn() async throws {
        try await LinkedNode().whileRunning { node in
            node.other.admit()
            try node.handOn("first")
            try await until { node.other.connections.first?.arrived == ["first"] }
            // Whoever has passed the first may be about to see that no other waits.
            var count = 1
            try await until {
                try node.handOn("next")
                count += 1
                return node.other.connections[0].arrived.count == count
            }
            for number in 1...100 {
                try node.handOn("\(number)")
                #expect(node.other.connections[0].arrived.last == "\(number)")
            }
        }
    }

    @Test func whatMayBeTriedAgainKeepsItsOrderWhenTheConnectionIsLostAndTheRestIsRefused() async throws {
        try await withLink { node, answers in
            node.other.admit()
            for number in 0..<40 { try node.handOn("\(number)", reply: "answer.\(number)", id: number % 4 == 3 ? nil : "\(number)") }
            try await until { node.other.connections.first?.arrived.count == 40 }
            node.other.connections[0].lose()
            node.other.admit()
            try await until {
                node.time.advance(by: .milliseconds(10))
                return node.other.connections.count == 2 && node.other.connections[1].arrived.count == 30
            }
            #expect(node.other.connections[1].arrived == (0..<40).filter { $0 % 4 != 3 }.map(String.init))
            // Whether these were handled is not known.
            try await until { answers.all.count == 10 }
            #expect(answers.all.map(\.subject.description) == (0..<40).filter { $0 % 4 == 3 }.map { "answer.\($0)" })
            #expect(answers.all.allSatisfy { $0.headers["Nats-Service-Error-Code"] == "503" })
            node.other.connections[0].answer()
            node.other.connections[1].answer()
            try await until { answers.all.count >= 40 }
            #expect(Set(answers.all.map(\.subject)).count == 40)
            #expect(answers.all.count == 40)
        }
    }

    @Test func whatWaitsForAConnectionThatCannotBeMadeGoesOverTheNextInOrder() async throws {
        try await LinkedNode().whileRunning { node in
            for number in 0..<20 { try node.handOn("\(number)") }
            node.other.reject()
            node.other.admit()
            try await until { node.other.connections.first?.arrived.count == 20 }
            #expect(node.other.connections[0].arrived == (0..<20).map(String.init))
        }
    }

    @Test func whatAConnectionDoesNotTakeGoesOverTheNextInOrder() async throws {
        var configuration = ClusterConfiguration()
        configuration.timeToLive = .seconds(3600)
        try await LinkedNode(configuration).whileRunning { node in
            try await node.connect()
            node.other.connections[0].refuse(with: BusError(.closed, "nothing is taken"))
            for number in 1..<20 { try node.handOn("\(number)", reply: "answer.\(number)") }
            node.other.connections[0].lose()
            node.other.admit()
            try await until {
                node.time.advance(by: .milliseconds(10))
                return node.other.connections.count == 2 && node.other.connections[1].arrived.count == 19
            }
            #expect(node.other.connections[1].arrived == (1..<20).map(String.init))
        }
    }

    @Test func eachThreadThatReceivesHasAConnectionOfItsOwnWhichIsMadeThere() async throws {
        try await LinkedNode().whileRunning { node in
            let threads = [TestThread("a"), TestThread("b")]
            let clients = threads.flatMap { [TestClient(receivingThread: $0), TestClient(receivingThread: $0)] }
            for _ in 0..<3 { node.other.admit() }
            for number in 0..<100 {
                for (client, name) in zip(clients, ["a1", "a2", "b1", "b2"]) { try node.handOn("\(name).\(number)", from: client) }
                try node.handOn("own.\(number)")
            }
            try await until { node.other.connections.map(\.arrived.count).sorted() == [100, 200, 200] }
            let arrived = node.other.connections.map(\.arrived).sorted { $0[0] < $1[0] }
            #expect(arrived.map { Set($0.map { $0.prefix(1) }) } == [["a"], ["b"], ["o"]])
            for (connection, names) in zip(arrived, [["a1", "a2"], ["b1", "b2"], ["own"]]) {
                for name in names { #expect(connection.filter { $0.hasPrefix(name) } == (0..<100).map { "\(name).\($0)" }) }
            }
            #expect(threads.allSatisfy { $0.jobs > 0 })
        }
    }

    @Test func aNodeThatIsGoneIsNotWaitedFor() async throws {
        try await LinkedNode().whileRunning { node in
            let answers = Inbox()
            let attachment = try node.bus.attach(SubjectPattern("answer.*"), queue: nil, answers.receive)
            defer { attachment.cancel() }
            node.other.admit()
            try node.handOn("0", reply: "answer.0")
            try await until { node.other.connections.first?.arrived == ["0"] }
            node.forgetOther()
            #expect(answers.all.map { $0.headers["Nats-Service-Error-Code"] } == ["503"])
        }
    }

    @Test func tooManyThatWaitAreRefused() async throws {
        try await withLink {
            $0.linkCapacity = 10
        } _: { node, answers in
            for number in 0..<12 { try node.handOn("\(number)", reply: "answer.\(number)") }
            #expect(answers.all.map(\.subject.description) == ["answer.10", "answer.11"])
            #expect(answers.all.allSatisfy { $0.headers["Nats-Service-Error-Code"] == "429" })
            node.other.admit()
            try await until { node.other.connections.first?.arrived.count == 10 }
        }
    }

    @Test func tooManyBytesThatWaitAreRefusedUntilSomeAreAnswered() async throws {
        try await withLink {
            $0.linkByteCapacity = 10_000
        } _: { node, answers in
            node.other.admit()
            // One alone has room whatever its size.
            let large = String(repeating: "x", count: 20_000)
            try node.handOn(large, reply: "answer.large")
            try node.handOn("small", reply: "answer.small")
            #expect(answers.all.map(\.subject.description) == ["answer.small"])
            #expect(answers.all[0].headers["Nats-Service-Error-Code"] == "429")
            try await until { node.other.connections.first?.arrived == [large] }
            node.other.connections[0].answer()
            #expect(answers.all.map(\.subject.description) == ["answer.small", "answer.large"])
            try node.handOn("small", reply: "answer.again")
            #expect(node.other.connections[0].arrived.last == "small")
        }
    }

    @Test func whatHasNoRoomBehindThoseThatAreTriedAgainIsRefused() async throws {
        try await withLink {
            $0.linkCapacity = 10
        } _: { node, answers in
            for number in 0..<10 { try node.handOn("\(number)") }
            // The second time they wait until the time goes on.
            for _ in 0..<2 { node.other.reject() }
            try await until {
                try node.handOn("late", reply: "answer.late")
                return !answers.all.isEmpty
            }
            #expect(answers.all[0].headers["Nats-Service-Error-Code"] == "429")
            node.other.admit()
            try await until {
                node.time.advance(by: .milliseconds(10))
                return node.other.connections.first?.arrived.count ?? 0 >= 10
            }
            #expect(node.other.connections[0].arrived.prefix(10) == (0..<10).map(String.init)[...])
        }
    }

    @Test func whatIsTooLargeForTheOtherNodeIsRefusedAtOnce() async throws {
        try await withLink { node, answers in
            try await node.connect()
            node.other.connections[0].refuse(with: BusError(.limit, "more than the server takes"))
            try node.handOn("1", reply: "answer.1")
            #expect(answers.all.map(\.subject.description) == ["answer.1"])
            #expect(answers.all[0].headers["Nats-Service-Error-Code"] == "400")
        }
    }

    @Test func whatHasNoRoomOnALineToTheOtherNodeIsRefusedAndTheRestIsAnswered() async throws {
        var settings = BrokerConfiguration()
        settings.port = 0
        settings.authenticationTimeout = .seconds(60)
        let other = Broker(configuration: settings, logger: quiet)
        let address = try await other.start().description
        let requests = Inbox()
        let service = try other.attach(SubjectPattern("obj.>"), queue: nil, requests.receive)
        var configuration = ClusterConfiguration()
        configuration.timeToLive = .seconds(3600)
        let node = LinkedNode(configuration) {
            let client = try await RivuletClient.connect(address)
            return NodeConnection(bus: client) {
                for await _ in client.status {}
            } close: {
                await client.close()
            }
        }
        try await node.whileRunning { node in
            let answers = Inbox()
            let attachment = try node.bus.attach(SubjectPattern("answer.*"), queue: nil, answers.receive)
            defer { attachment.cancel() }
            try node.handOn("0", reply: "answer.0")
            try await until { requests.all.count == 1 }
            // A broker takes it from a client; the headers and the longer reply are too much.
            let subject = "obj.Tally.\(String(repeating: "x", count: 4060)).Remember"
            #expect("\(subject) answer.1 1".utf8.count <= WireLimits.server.controlLine)
            try node.handOn("1", subject: subject, reply: "answer.1")
            try await until { !answers.all.isEmpty }
            #expect(answers.all.map(\.subject.description) == ["answer.1"])
            #expect(answers.all[0].headers["Nats-Service-Error-Code"] == "400")
            let reply = try #require(requests.all[0].reply)
            try other.publish(BusMessage(subject: reply, payload: Array("done".utf8)))
            try await until { answers.all.count == 2 }
            #expect(answers.payloads[1] == "done")
        }
        service.cancel()
        await other.shutdown()
    }

    @Test func nothingWaitsForLinksThatHaveEnded() async throws {
        let answers = Inbox()
        let node = LinkedNode()
        let attachment = try node.bus.attach(SubjectPattern("answer.*"), queue: nil, answers.receive)
        defer { attachment.cancel() }
        try await node.whileRunning { _ in }
        try node.handOn("late", reply: "answer.late")
        #expect(answers.all.map(\.subject.description) == ["answer.late"])
        #expect(answers.all[0].headers["Nats-Service-Error-Code"] == "503")
    }

    @Test func whatIsNeverAnsweredMakesRoomWhenItsTimeIsOver() async throws {
        try await withLink {
            $0.linkCapacity = 10
        } _: { node, answers in
            node.other.admit()
            for number in 0..<10 { try node.handOn("\(number)", reply: "answer.\(number)") }
            try await until { node.other.connections.first?.arrived.count == 10 }
            node.time.advance(by: .seconds(29))
            try node.handOn("early", reply: "answer.early")
            #expect(answers.all.map(\.subject.description) == ["answer.early"])
            node.time.advance(by: .seconds(2))
            try node.handOn("late", reply: "answer.late")
            try await until { node.other.connections[0].arrived.count == 11 }
            #expect(answers.all.count == 1)
        }
    }

    @Test func whatIsRefusedSinceTooMuchWaitsIsNotTriedAgainBehindWhatCameAfterIt() async throws {
        try await withLink { node, answers in
            try await node.connect()
            node.other.connections[0].refuse(with: BusError(.full, "too much waits"))
            try node.handOn("1", reply: "answer.1")
            try await until { answers.all.count == 1 }
            #expect(answers.all.map { $0.headers["Nats-Service-Error-Code"] } == ["429"])
            node.other.connections[0].refuse(with: nil)
            try node.handOn("2")
            try await until { node.other.connections[0].arrived == ["0", "2"] }
        }
    }
}

/// Runs `body` with a node that keeps its place and tries for an hour, and with what is answered at `answer.*`.
private func withLink(
    _ change: (inout ClusterConfiguration) -> Void = { _ in }, _ body: (LinkedNode, Inbox) async throws -> Void
) async throws {
    var configuration = ClusterConfiguration()
    configuration.timeToLive = .seconds(3600)
    change(&configuration)
    try await LinkedNode(configuration).whileRunning { node in
        let answers = Inbox()
        let attachment = try node.bus.attach(SubjectPattern("answer.*"), queue: nil, answers.receive)
        defer { attachment.cancel() }
        try await body(node, answers)
    }
}

extension LinkedNode {
    /// Has the connection made, over which "0" comes first.
    fileprivate func connect() async throws {
        other.admit()
        try handOn("0")
        try await until { self.other.connections.first?.arrived == ["0"] }
    }
}

/// Hands messages on until well after there is a connection, which is made in the middle of it.
private func send(as sender: Int, at node: LinkedNode) async throws -> [String] {
    var sent: [String] = []
    var left = 100
    while left > 0 {
        sent.append("\(sender).\(sent.count)")
        try node.handOn(sent[sent.count - 1])
        if sent.count == 50, sender == 0 { node.other.admit() }
        if node.other.connections.first?.arrived.isEmpty == false { left -= 1 }
        if sent.count > 100 { await Task.yield() }
    }
    return sent
}

private final class TestClient: MessageOrigin {
    let receivingThread: (any DeliveringThread)?
    let isNode = false

    init(receivingThread: TestThread) {
        self.receivingThread = receivingThread
    }

    func mayReceive(_ subject: Subject) -> Bool { true }
    func maySubscribe(to pattern: SubjectPattern) -> Bool { true }
}

private final class TestThread: DeliveringThread {
    private let queue: DispatchQueue
    private let count = Atomic(0)

    init(_ name: String) {
        queue = DispatchQueue(label: name)
    }

    var jobs: Int { count.load(ordering: .relaxed) }

    func afterwards(_ work: @escaping @Sendable () -> Void) {
        queue.async(execute: work)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        count.wrappingAdd(1, ordering: .relaxed)
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
