/// Publishers and subscribers at full speed.
struct BenchTraffic: Sendable {
    let server: BenchServer
    /// Where the subscribers are, if that is another node.
    var receivers: BenchServer?
    let load: PublishLoad
    let publishers: Int
    let subscribers: Int
    let duration: Double
    let messages: Int?

    func run(mode: String) async throws -> BenchResult {
        BenchSocket.raiseDescriptorLimit()
        // What may be under way to one subscriber, so that all of them together stay within what a machine has.
        let bytes = Swift.max(1 << 18, Swift.min(8 << 20, (64 << 20) / Swift.max(1, subscribers)))
        let window = Swift.max(bytes / load.messageLength, load.pieces.map(\.count).max() ?? 1)
        var scratch = BenchConnection.scratch()
        var listening: [BenchConnection] = []
        for _ in 0..<subscribers {
            var connection = try BenchConnection(receivers ?? server)
            try connection.subscribe(load.pattern)
            try connection.settle(&scratch)
            listening.append(connection)
        }
        let sending = try (0..<publishers).map { _ in try BenchConnection(server) }
        if receivers ?? server != server, let first = sending.first {
            try BenchConnection.acquaint(first, with: &listening, load.first)
        }
        let progress = BenchProgress()
        let connections = listening
        var bodies: [@Sendable () throws -> Int] = []
        for connection in sending {
            bodies.append { try publish(on: connection, window: window, progress) }
        }
        if subscribers > 0 {
            bodies.append { try listen(on: connections, progress) }
        }
        let clock = ContinuousClock()
        let start = clock.now
        let counts = try await BenchThreads.run(bodies)
        let seconds = (clock.now - start) / .seconds(1)
        return BenchResult(
            mode: mode, size: load.size, seconds: seconds, published: counts.prefix(publishers).reduce(0, +),
            delivered: counts.dropFirst(publishers).reduce(0, +))
    }

    private func publish(on connection: BenchConnection, window: Int, _ progress: BenchProgress) throws -> Int {
        var connection = connection
        var scratch = BenchConnection.scratch()
        let clock = ContinuousClock()
        let end = clock.now + .seconds(duration)
        var sent = 0
        var number = 0
        while messages.map({ sent < $0 }) ?? (clock.now < end) {
            let piece = load.pieces[number]
            number = number + 1 == load.pieces.count ? 0 : number + 1
            let count = Swift.min(piece.count, (messages ?? .max) - sent)
            if subscribers > 0 { try progress.waitForRoom(window - count) }
            try connection.socket.send(
                load.file, from: piece.start, count: count == piece.count ? piece.length : piece.length / piece.count * count)
            sent += count
            progress.publish(count)
        }
        try connection.settle(&scratch)
        progress.publisherIsDone()
        return sent
    }

    private func listen(on connections: [BenchConnection], _ progress: BenchProgress) throws -> Int {
        do {
            return connections.count == 1
                ? try listenToOne(connections[0], progress) : try listenToMany(connections, progress)
        } catch {
            progress.fail()
            throw error
        }
    }

    private func isOver(_ slowest: Int, _ progress: BenchProgress) -> Bool {
        progress.publishersDone == publishers && slowest >= progress.published
    }

    private func listenToOne(_ connection: BenchConnection, _ progress: BenchProgress) throws -> Int {
        var poller = BenchPoller([connection.socket])
        var connection = connection
        var scratch = BenchConnection.scratch()
        var received = 0
        var idle = 0
        while !isOver(received, progress) {
            let count = try connection.count(messagesOf: load.messageLength, &scratch)
            if count > 0 {
                received += count
                progress.slowest(received)
                idle = 0
            } else if try !poller.wait(milliseconds: 20, { _ in }) {
                idle += 1
                try giveUp(idle, received, progress)
            }
        }
        return received
    }

    private func listenToMany(_ connections: [BenchConnection], _ progress: BenchProgress) throws -> Int {
        var connections = connections
        var poller = BenchPoller(connections.map(\.socket))
        var scratch = BenchConnection.scratch()
        var received = [Int](repeating: 0, count: connections.count)
        var idle = 0
        var slowest = 0
        while !isOver(slowest, progress) {
            idle += 1
            _ = try poller.wait(milliseconds: 20) { index in
                received[index] += try connections[index].count(messagesOf: load.messageLength, &scratch)
                idle = 0
            }
            slowest = received.min() ?? 0
            progress.slowest(slowest)
            try giveUp(idle, slowest, progress)
        }
        return received.reduce(0, +)
    }

    private func giveUp(_ idle: Int, _ slowest: Int, _ progress: BenchProgress) throws {
        guard idle > 1000 else { return }
        throw BenchError("nothing came for 20 seconds; the slowest subscriber has \(slowest) of \(progress.published) messages")
    }
}
