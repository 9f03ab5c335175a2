/// A message on its way into an object, but for its payload. It goes through many hands, so it is handed on by reference, and is kept until it
/// is answered; the payload is not.
final class Delivery: Sendable {
    let message: String
    /// What runs for it; nil when the object has no such message.
    let handler: Kind.Runner?
    let headers: Headers
    /// Where the answer goes; nil when nobody waits.
    let reply: Subject?
    /// On the time source's clock; nil when nobody waits or it was not said.
    let deadline: Duration?
    /// The objects that wait for this call, outermost first.
    let callChain: [ObjectID]
    /// What its sender may do; nil if that is the process.
    let origin: (any MessageOrigin)?

    init(
        message: String, handler: Kind.Runner?, headers: Headers = Headers(), reply: Subject? = nil, deadline: Duration? = nil,
        callChain: [ObjectID] = [], origin: (any MessageOrigin)? = nil
    ) {
        self.message = message
        self.handler = handler
        self.headers = headers
        self.reply = reply
        self.deadline = deadline
        self.callChain = callChain
        self.origin = origin
    }

    var messageID: String? { headers[HeaderName.messageID] }

    /// The message as it came, for another node.
    func message(to object: ObjectID, _ payload: [UInt8], at now: Duration) throws(SubjectError) -> BusMessage {
        var headers = headers
        if let deadline { headers[HeaderName.timeout] = String((deadline - now).wholeMilliseconds) }
        if !callChain.isEmpty { headers[HeaderName.callChain] = callChain.map(\.description).joined(separator: ",") }
        return BusMessage(
            subject: try ObjectSubject.call(object, message: message), reply: reply, headers: headers, payload: payload, origin: origin)
    }
}

/// What waits in an activation's mailbox.
enum Letter: Sendable {
    case delivery(Delivery, payload: [UInt8])
    case deactivate
}
