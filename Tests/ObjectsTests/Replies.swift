import RivuletObjects
import RivuletTesting
import Synchronization

/// What came to a subject.
final class Replies: Sendable {
    private let messages = Mutex<[BusMessage]>([])

    var count: Int { messages.withLock { $0.count } }
    var last: String? { messages.withLock { $0.last.map { String(decoding: $0.payload, as: UTF8.self) } } }
    var subjects: [String] { messages.withLock { $0.map(\.subject.description) } }
    var codes: [String?] { messages.withLock { $0.map { $0.headers[HeaderName.serviceErrorCode] } } }

    func add(_ message: BusMessage) {
        messages.withLock { $0.append(message) }
    }
}

/// Waits until so many messages have come to counters and been handled, though their turns may wait for their commits.
func handled(_ count: Int, at node: TestNode) async throws {
    let stats = Replies()
    let answers = try node.bus.attach(SubjectPattern("handled"), queue: nil) { stats.add($0) }
    defer { answers.cancel() }
    while stats.last?.contains(#""num_requests":\#(count)"#) != true {
        try node.bus.publish(BusMessage(subject: Subject("$SRV.STATS.Counter"), reply: Subject("handled")))
        await Task.yield()
    }
}
