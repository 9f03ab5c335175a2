import ArgumentParser
import Foundation
import RivuletWire
import Synchronization

struct BenchRelay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay", abstract: "Serve as a relay that does nothing but copy, to see how fast the load generator is.",
        discussion: """
            It answers PING, counts PUB, and writes as many MSG made beforehand to every subscriber; nothing is looked up or checked. \
            One subject and one size at a time. It ends when it is stopped.
            """)

    @Option(help: "TCP port.")
    var port: Int = 4333

    @OptionGroup var options: BenchOptions

    func run() async throws {
        let listener = try BenchListener(port: port)
        let frame =
            Array("MSG \(options.subject) 1 \(options.size)\r\n".utf8) + [UInt8](repeating: 0x78, count: options.size) + [0x0d, 0x0a]
        let relay = Relay(frame: frame)
        Output.note("relay at nats://127.0.0.1:\(port)")
        try await BenchThreads.onThread {
            while true {
                let socket = try listener.next()
                let thread = Thread { try? relay.serve(socket) }
                thread.start()
            }
        }
    }
}

/// A relay with a thread for each connection. For one publisher: several would write to a subscriber at the same time.
final class Relay: Sendable {
    private let subscribers = Mutex<[BenchSocket]>([])
    private let frame: [UInt8]
    private let frames: [UInt8]
    private let perPiece: Int

    init(frame: [UInt8]) {
        self.frame = frame
        perPiece = max(1, (1 << 18) / frame.count)
        frames = Array(repeatElement(frame, count: perPiece).joined())
    }

    func serve(_ socket: BenchSocket) throws {
        defer { subscribers.withLock { $0.removeAll { $0 === socket } } }
        var scratch = BenchConnection.scratch()
        var scanner = FrameScanner()
        try socket.send(Array("INFO {\"server_id\":\"relay\",\"version\":\"2.11.0\",\"headers\":true,\"max_payload\":67108864}\r\n".utf8))
        while true {
            var pings = 0
            var count = try scanner.receive(from: socket, &scratch) { line, bytes in
                if case .ping = line { pings += 1 }
                if bytes.count > 3, bytes[0] == UInt8(ascii: "S") { subscribers.withLock { $0.append(socket) } }
            }
            let targets = subscribers.withLock { $0 }
            while count > 0, !targets.isEmpty {
                let now = min(count, perPiece)
                for target in targets { try target.send(frames, count: now * frame.count) }
                count -= now
            }
            for _ in 0..<pings { try socket.send(FrameEncoder.pong) }
        }
    }
}
