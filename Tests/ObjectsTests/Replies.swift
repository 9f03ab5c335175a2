import RivuletObjects
import Synchronization

/// What came to a subject.
final class Replies: Sendable {
    private let messages = Mutex<[BusMessage]>([])

    var count: Int { messages.withLock { $0.count } }
    var last: String? { messages.withLock { $0.last.map { String(decoding: $0.payload, as: UTF8.self) } } }
    var codes: [String?] { messages.withLock { $0.map { $0.headers[HeaderName.serviceErrorCode] } } }

    func add(_ message: BusMessage) {
        messages.withLock { $0.append(message) }
    }
}
