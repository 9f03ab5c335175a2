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

    /// A message.
    public init(subject: Subject, reply: Subject? = nil, headers: Headers = Headers(), payload: [UInt8] = []) {
        self.subject = subject
        self.reply = reply
        self.headers = headers
        self.payload = payload
    }
}
