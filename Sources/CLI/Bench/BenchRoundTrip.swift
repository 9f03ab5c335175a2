import ArgumentParser
import RivuletWire

struct BenchRoundTrip: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "round-trip", abstract: "Send one message at a time from one connection to another, and measure each.")

    @OptionGroup var receivers: BenchReceivers
    @OptionGroup var length: BenchLength
    @OptionGroup var options: BenchOptions

    func run() async throws {
        let server = try options.place()
        let receivers = try receivers.place(server)
        let options = options
        let length = length
        let result = try await BenchThreads.onThread { try Self.measure(server, receivers, options, length) }
        try result.report(json: options.json)
    }

    private static func measure(
        _ server: BenchServer, _ receivers: BenchServer, _ options: BenchOptions, _ length: BenchLength
    ) throws -> BenchResult {
        var scratch = BenchConnection.scratch()
        let sender = try BenchConnection(server)
        var receiver = try BenchConnection(receivers)
        try receiver.subscribe(options.subject)
        try receiver.settle(&scratch)
        var frame: [UInt8] = []
        FrameEncoder.publish(options.subject, payload: [UInt8](repeating: UInt8(ascii: "x"), count: options.size), to: &frame)
        if receivers != server {
            var all = [receiver]
            try BenchConnection.acquaint(sender, with: &all, frame)
            receiver = all[0]
        }
        let clock = ContinuousClock()
        var times: [UInt64] = []
        times.reserveCapacity(1 << 20)
        let start = clock.now
        let end = start + .seconds(length.duration)
        var before = start
        while length.messages.map({ times.count < $0 }) ?? (before < end) {
            try sender.socket.send(frame)
            while try receiver.receive(&scratch) == 0 {}
            let now = clock.now
            times.append((now - before).nanoseconds)
            before = now
        }
        return BenchResult(
            mode: "round-trip", size: options.size, seconds: (before - start) / .seconds(1), published: times.count,
            delivered: times.count, nanoseconds: times)
    }
}

extension Duration {
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        return UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
    }
}
