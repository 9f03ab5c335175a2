import Foundation

/// What one measurement found.
struct BenchResult: Codable, Sendable {
    var mode: String
    var size = 0
    var seconds = 0.0
    var published = 0
    var delivered = 0
    var publishedPerSecond = 0.0
    var deliveredPerSecond = 0.0
    /// Microseconds, for modes that measure the time of each message.
    var p50: Double?
    var p90: Double?
    var p99: Double?
    var maximum: Double?

    init(mode: String, size: Int, seconds: Double, published: Int, delivered: Int, nanoseconds: [UInt64] = []) {
        self.mode = mode
        self.size = size
        self.seconds = seconds
        self.published = published
        self.delivered = delivered
        if seconds > 0 {
            publishedPerSecond = Double(published) / seconds
            deliveredPerSecond = Double(delivered) / seconds
        }
        guard !nanoseconds.isEmpty else { return }
        let sorted = nanoseconds.sorted()
        let at = { (share: Double) in Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1000 }
        p50 = at(0.5)
        p90 = at(0.9)
        p99 = at(0.99)
        maximum = at(1)
    }

    func report(json: Bool) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            return Output.line(String(decoding: try encoder.encode(self), as: UTF8.self))
        }
        Output.line(row("mode", mode))
        Output.line(row("payload", "\(size) B"))
        Output.line(row("time", String(format: "%.3f s", seconds)))
        Output.line(row("published", count(published, publishedPerSecond)))
        if delivered > 0 { Output.line(row("delivered", count(delivered, deliveredPerSecond))) }
        if let p50, let p90, let p99, let maximum {
            Output.line(row("latency", String(format: "p50 %.1f µs  p90 %.1f µs  p99 %.1f µs  max %.1f µs", p50, p90, p99, maximum)))
        }
    }

    private func row(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 12 - name.count)) + value
    }

    private func count(_ number: Int, _ rate: Double) -> String {
        String(format: "%d  (%.0f/s, %.1f MB/s of payload)", number, rate, rate * Double(size) / 1_000_000)
    }
}
