import RivuletBackbone
import RivuletBroker
import RivuletCluster
import RivuletSubscriptions
import RivuletTesting
import RivuletWire
import Synchronization
import TestSupport
import Testing

/// Messages that wait until their objects' owners are found, while the store has no answer.
@Suite(.timeLimit(.minutes(1)))
struct LookUpTests {
    private let time = ManualTime()
    private let bus = Broker(logger: quiet)
    private let directory = SilentDirectory()

    @Test func nobodyWaitsLongerThanTheirPatience() async throws {
        try await whileLooking { ownership, answers in
            try ask("a", of: ownership)
            try await until { directory.waiting == 1 }
            time.advance(by: .seconds(6))
            try ask("b", of: ownership)
            time.advance(by: .milliseconds(999))
            #expect(answers.all == [])
            time.advance(by: .milliseconds(1))
            try await until { answers.all == ["a 503 could not find out in time who has Tally/a; ask again"] }
            time.advance(by: .seconds(6))
            try await until { answers.all.last == "b 503 could not find out in time who has Tally/a; ask again" }
        }
    }

    @Test func allWhoWaitAreToldWhatTheStoreSays() async throws {
        try await whileLooking { ownership, answers in
            for id in ["a", "b", "c"] { try ask(id, of: ownership) }
            try await until { directory.waiting == 1 }
            directory.fail()
            try await until { answers.all.count == 3 }
            #expect(answers.all == ["a", "b", "c"].map { "\($0) 503 cannot find out who has Tally/a: it does not answer" })
        }
    }

    @Test func manyObjectsWaitTogether() async throws {
        try await whileLooking { ownership, answers in
            for number in 0..<200 { try ask("\(number)", for: ObjectID(kind: "Tally", id: "\(number)"), of: ownership) }
            try await until { directory.waiting == 200 }
            directory.fail()
            try await until { answers.all.count == 200 }
        }
    }

    @Test func objectsThatWereGivenUpWhileTheStoreHadNoAnswerAreLookedForAgain() async throws {
        var configuration = ClusterConfiguration()
        configuration.linkCapacity = 300
        try await whileLooking(configuration) { ownership, answers in
            func ask(_ number: Int) throws {
                try self.ask("\(number)", for: ObjectID(kind: "Tally", id: "\(number)"), of: ownership)
            }
            for number in 0..<300 { try ask(number) }
            try await until { directory.waiting == 256 }
            time.advance(by: .seconds(8))
            try await until { answers.all.count == 300 }
            for number in 300..<600 { try ask(number) }
            time.advance(by: .seconds(8))
            try await until { answers.all.count == 600 }
            for number in 300..<600 {
                // Until those before it are forgotten it may be refused.
                repeat {
                    let before = answers.all.count
                    try ask(number)
                    try await until {
                        directory.fail()
                        return answers.all.count > before
                    }
                } while answers.all.last?.contains("cannot find out who has") != true
            }
        }
    }

    private func ask(_ id: String, for object: ObjectID = ObjectID(kind: "Tally", id: "a"), of ownership: ClusterOwnership) throws {
        ownership.forward(
            BusMessage(subject: try Subject("obj.\(object.kind).\(object.id).Increase"), reply: try Subject("reply.\(id)")), for: object)
    }

    /// Runs `body` with a node that knows of another, and what it answers.
    private func whileLooking(
        _ configuration: ClusterConfiguration = ClusterConfiguration(), _ body: (ClusterOwnership, Answers) async throws -> Void
    ) async throws {
        let backbone = InMemoryBackbone(time: time)
        let keeper = LeaseKeeper(NodeDescription(name: "own", address: "own:1"), membership: backbone, time: time, logger: quiet)
        let links = NodeLinks(from: "own", bus: bus, membership: backbone, time: time, logger: quiet) { _ in
            throw BusError(.disconnected, "nobody is there")
        }
        let ownership = ClusterOwnership(
            directory: directory, keeper: keeper, links: links, bus: bus, configuration: configuration, time: time)
        ownership.see([NodeDescription(name: "other", address: "other:1", status: NodeStatus(kinds: ["Tally"]))])
        let answers = Answers()
        let attachment = try bus.attach(SubjectPattern("reply.*"), queue: nil) { answers.add($0) }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await ownership.run() }
            defer { group.cancelAll() }
            defer { directory.fail() }
            try await body(ownership, answers)
        }
        attachment.cancel()
    }
}

/// What was answered, in order.
private final class Answers: Sendable {
    private let texts = Mutex<[String]>([])

    var all: [String] { texts.withLock { $0 } }

    func add(_ message: BusMessage) {
        let code = message.headers["Nats-Service-Error-Code"] ?? "", error = message.headers["Nats-Service-Error"] ?? ""
        texts.withLock { $0.append("\(message.subject.description.dropFirst(6)) \(code) \(error)") }
    }
}

/// Answers nothing until it is told to fail.
private final class SilentDirectory: Directory {
    private let asked = Mutex<[CheckedContinuation<Void, Never>]>([])

    /// How many questions have no answer.
    var waiting: Int { asked.withLock { $0.count } }

    /// Refuses what was asked until now.
    func fail() {
        let waiting = asked.withLock { asked in
            defer { asked = [] }
            return asked
        }
        for continuation in waiting { continuation.resume() }
    }

    func claim(_ object: ObjectID, for lease: NodeLease) async throws(StoreError) -> Ownership { throw await answer() }

    func claim(_ object: ObjectID, for node: String) async throws(StoreError) -> Ownership? { throw await answer() }

    func owner(of object: ObjectID) async throws(StoreError) -> Ownership? { throw await answer() }

    func release(_ object: ObjectID, _ ownership: Ownership) async throws(StoreError) { throw await answer() }

    private func answer() async -> StoreError {
        await withCheckedContinuation { continuation in asked.withLock { $0.append(continuation) } }
        return StoreError(.unavailable, "it does not answer")
    }
}
