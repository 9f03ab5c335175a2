/// A message on its way into an object.
struct Delivery: Sendable {
    var message: String
    var payload: [UInt8]
    var headers = Headers()
    /// Where the answer goes; nil when nobody waits.
    var reply: Subject?
    /// On the time source's clock; nil when nobody waits or it was not said.
    var deadline: Duration?
    /// The objects that wait for this call, outermost first.
    var callChain: [ObjectID] = []
    /// What its sender may do; nil if that is the process.
    var origin: (any MessageOrigin)?

    var messageID: String? { headers[HeaderName.messageID] }

    /// The message as it came, for another node.
    func message(to object: ObjectID, at now: Duration) throws(SubjectError) -> BusMessage {
        var headers = headers
        if let deadline { headers[HeaderName.timeout] = String((deadline - now).wholeMilliseconds) }
        if !callChain.isEmpty { headers[HeaderName.callChain] = callChain.map(\.description).joined(separator: ",") }
        return BusMessage(
            subject: try ObjectSubject.call(object, message: message), reply: reply, headers: headers, payload: payload, origin: origin)
    }
}

/// What waits in an activation's mailbox.
enum Letter: Sendable {
    case delivery(Delivery)
    case deactivate
}
