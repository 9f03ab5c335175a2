public import RivuletWire

/// A message on the bus: subject, optional reply subject, headers, payload bytes.
public struct BusMessage: Sendable, Hashable {
    /// Where it was published to.
    public var subject: Subject
    /// Where an answer is awaited, if one is.
    public var reply: Subject?
    /// Ordered headers; empty when there are none.
    public var headers: Headers
    /// The body.
    public var payload: [UInt8]
    /// What its publisher may do, if that is a client of this process's broker; nil if the process itself published it. Messages are
    /// equal whoever published them.
    public var origin: (any MessageOrigin)?
    /// How far it goes. Messages are equal however far they go.
    public var reach: MessageReach
}

extension BusMessage {
    /// A message to the whole cluster.
    public init(
        subject: Subject, reply: Subject? = nil, headers: Headers = Headers(), payload: [UInt8] = [], origin: (any MessageOrigin)? = nil
    ) {
        // In one piece: one that is put together part by part is copied once more to be returned.
        self.init(subject: subject, reply: reply, headers: headers, payload: payload, origin: origin, reach: .cluster)
    }

    /// Equal but for the origin and the reach.
    public static func == (left: BusMessage, right: BusMessage) -> Bool {
        left.subject == right.subject && left.reply == right.reply && left.headers == right.headers && left.payload == right.payload
    }

    /// Hashes all but the origin and the reach.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(subject)
        hasher.combine(reply)
        hasher.combine(headers)
        hasher.combine(payload)
    }
}
