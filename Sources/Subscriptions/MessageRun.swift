/// Messages without headers on one subject, in order, their payloads in one piece of memory.
public struct MessageRun: Sendable {
    /// Where they are published to.
    public let subject: Subject
    /// How far they go.
    public var reach = MessageReach.cluster
    /// The payloads, one after the other.
    public private(set) var bytes: [UInt8] = []
    /// Where each of the payloads ends.
    public private(set) var ends: [Int] = []

    /// No messages yet.
    public init(subject: Subject) {
        self.subject = subject
    }

    /// How many messages there are.
    public var count: Int { ends.count }

    /// Appends a message whose payload `write` appends to the bytes.
    public mutating func append(_ write: (inout [UInt8]) throws -> Void) rethrows {
        let start = bytes.count
        do {
            try write(&bytes)
        } catch {
            bytes.removeSubrange(start...)
            throw error
        }
        ends.append(bytes.count)
    }

    /// Where the payload of a message is in the bytes.
    public func range(_ number: Int) -> Range<Int> { (number == 0 ? 0 : ends[number - 1])..<ends[number] }

    /// One of the messages by itself.
    public func message(_ number: Int) -> BusMessage {
        var message = BusMessage(subject: subject, payload: Array(bytes[range(number)]))
        message.reach = reach
        return message
    }
}
