import ArgumentParser
import RivuletWire
import Synchronization

struct BenchRequest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "request", abstract: "Send requests, so many in flight at a time, and measure the time to each reply.",
        discussion: "The replies come from one more connection, or with --no-responder from whoever answers, such as an object.")

    @Option(help: "Connections that ask.")
    var requesters: Int = 1

    @Option(help: "Requests in flight, each requester.")
    var depth: Int = 64

    @Option(help: "Subjects to ask, in turn.")
    var subjects: Int = 1

    @Option(help: ArgumentHelp("What follows the subject and its number, such as .GetState.", valueName: "text"))
    var suffix: String = ""

    @Option(help: ArgumentHelp("The body of requests, instead of --size bytes.", valueName: "text"))
    var payload: String?

    @Flag(help: "Do not answer; somebody else does.")
    var noResponder = false

    @OptionGroup var length: BenchLength
    @OptionGroup var options: BenchOptions

    func validate() throws {
        guard requesters > 0, depth > 0, subjects > 0 else {
            throw ValidationError("--requesters, --depth and --subjects must be at least 1")
        }
    }

    func run() async throws {
        let server = try options.place()
        let isOver = BenchProgress()
        let requests = RequestLoad(
            server: server, requesters: requesters, depth: depth, duration: length.duration, messages: length.messages,
            starts: (0..<subjects).map { Array("PUB \(PublishLoad.name(options.subject, $0, of: subjects))\(suffix) ".utf8) },
            payload: payload.map { Array($0.utf8) } ?? [UInt8](repeating: UInt8(ascii: "x"), count: options.size))
        var bodies: [@Sendable () throws -> BenchResult?] = []
        if !noResponder {
            let responder = try Responder(server, PublishLoad.pattern(options.subject, of: subjects) + suffix, size: options.size)
            bodies.append {
                try responder.run(until: isOver)
                return nil
            }
        }
        bodies.append {
            defer { isOver.publisherIsDone() }
            return try requests.run()
        }
        for case let result? in try await BenchThreads.run(bodies) { try result.report(json: options.json) }
    }
}

/// Requesters on one thread.
struct RequestLoad: Sendable {
    let server: BenchServer
    let requesters: Int
    let depth: Int
    let duration: Double
    let messages: Int?
    /// `PUB <subject> `
    let starts: [[UInt8]]
    let payload: [UInt8]

    func run() throws -> BenchResult {
        BenchSocket.raiseDescriptorLimit()
        var scratch = BenchConnection.scratch()
        var connections: [BenchConnection] = []
        for number in 0..<requesters {
            var connection = try BenchConnection(server)
            try connection.subscribe("_INBOX.bench\(number).*")
            try connection.settle(&scratch)
            connections.append(connection)
        }
        let ends = (0..<requesters).map { number in
            (0..<depth).map { slot in Array("_INBOX.bench\(number).\(slot) \(payload.count)\r\n".utf8) + payload + [0x0d, 0x0a] }
        }
        var poller = BenchPoller(connections.map(\.socket))
        let clock = ContinuousClock()
        let start = clock.now
        let end = start + .seconds(duration)
        var sentAt = [[ContinuousClock.Instant]](repeating: Array(repeating: start, count: depth), count: requesters)
        var times: [UInt64] = []
        times.reserveCapacity(1 << 20)
        var sent = 0
        var frames: [UInt8] = []
        func ask(_ number: Int, _ slot: Int) {
            frames.append(contentsOf: starts[sent % starts.count])
            frames.append(contentsOf: ends[number][slot])
            sentAt[number][slot] = clock.now
            sent += 1
        }
        for number in connections.indices {
            for slot in 0..<depth { ask(number, slot) }
            try connections[number].socket.send(frames)
            frames.removeAll(keepingCapacity: true)
        }
        var now = start
        while messages.map({ times.count < $0 }) ?? (now < end) {
            let isAlive = try poller.wait(milliseconds: 20_000) { number in
                _ = try connections[number].receive(
                    &scratch, waits: false,
                    onMessage: { line in
                        guard let slot = Self.slot(in: line), slot < depth else { return }
                        times.append((clock.now - sentAt[number][slot]).nanoseconds)
                        ask(number, slot)
                    })
                try connections[number].socket.send(frames)
                frames.removeAll(keepingCapacity: true)
            }
            guard isAlive else { throw BenchError("no reply came for 20 seconds") }
            now = clock.now
        }
        return BenchResult(
            mode: "request", size: payload.count, seconds: (now - start) / .seconds(1), published: sent, delivered: times.count,
            nanoseconds: times)
    }

    /// The number that ends the subject of a MSG or HMSG line.
    private static func slot(in line: borrowing Span<UInt8>) -> Int? {
        var index = line.count > 5 && line[0] == UInt8(ascii: "H") ? 5 : 4
        var slot: Int?
        while index < line.count, line[index] != 0x20 {
            let digit = line[index] &- UInt8(ascii: "0")
            slot = digit <= 9 ? slot.map { $0 &* 10 &+ Int(digit) } : line[index] == UInt8(ascii: ".") ? 0 : nil
            index += 1
        }
        return slot
    }
}

/// Answers every request with as many bytes as it has.
struct Responder: Sendable {
    private let connection: BenchConnection
    private let end: [UInt8]

    init(_ server: BenchServer, _ pattern: String, size: Int) throws {
        var scratch = BenchConnection.scratch()
        var connection = try BenchConnection(server)
        try connection.subscribe(pattern, sid: 1)
        try connection.settle(&scratch)
        self.connection = connection
        end = Array(" \(size)\r\n".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: size) + [0x0d, 0x0a]
    }

    func run(until isOver: BenchProgress) throws {
        var connection = connection
        var scratch = BenchConnection.scratch()
        var poller = BenchPoller([connection.socket])
        var frames: [UInt8] = []
        while isOver.publishersDone == 0 {
            guard try poller.wait(milliseconds: 50, { _ in }) else { continue }
            _ = try connection.receive(
                &scratch, waits: false,
                onMessage: { line in
                    frames.append(contentsOf: [0x50, 0x55, 0x42, 0x20])
                    Self.appendReply(of: line, to: &frames)
                    frames.append(contentsOf: end)
                })
            try connection.socket.send(frames)
            frames.removeAll(keepingCapacity: true)
        }
    }

    /// The third argument of a MSG line that has four.
    private static func appendReply(of line: borrowing Span<UInt8>, to frames: inout [UInt8]) {
        var blanks = 0
        var index = 0
        while index < line.count, blanks < 4 {
            let byte = line[index]
            if byte == 0x20 { blanks += 1 } else if blanks == 3 { frames.append(byte) }
            index += 1
        }
    }
}
