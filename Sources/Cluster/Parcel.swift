import RivuletContract
import RivuletSubscriptions

/// A message for an object of another node, until it is answered.
struct Parcel: Sendable {
    let object: ObjectID
    /// Messages of one sender have rising ones.
    let number: UInt64
    private let message: BusMessage
    /// When its sender does not wait any more; nil if it did not say how long it does.
    private let deadline: Duration?
    /// Until when it is tried again. Well before the deadline, so that the sender learns that nobody has handled it.
    let end: Duration
    /// How often it was tried in vain.
    var attempts = 0
    /// Whether some of its time has passed here.
    var hasWaited = false

    init(_ message: BusMessage, _ number: UInt64, for object: ObjectID, at now: Duration, patience: Duration) {
        self.message = message
        self.number = number
        self.object = object
        let timeout = message.headers.timeout
        deadline = timeout.map { now + $0 }
        end = now + min(patience, timeout.map { $0 * 9 / 10 } ?? patience)
    }

    var reply: Subject? { message.reply }

    /// About how many bytes it keeps.
    var size: Int { message.size }

    /// Whether to handle it twice is to handle it once.
    var isIdempotent: Bool { message.headers[HeaderName.messageID] != nil }

    /// The message, with what is left of its time.
    func message(at now: Duration) -> BusMessage {
        guard hasWaited, let deadline else { return message }
        var message = message
        message.headers[HeaderName.timeout] = String((deadline - now).wholeMilliseconds)
        return message
    }
}

extension BusMessage {
    /// About how many bytes it keeps.
    var size: Int { 256 + headers.encodedCount + payload.count }
}
