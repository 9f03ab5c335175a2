/// An operation of a client, as a server reads it. Ranges are offsets into the bytes that were parsed.
public enum ClientFrame: Sendable, Hashable {
    /// `CONNECT {json}`
    case connect(json: Range<Int>)
    /// `PUB` or `HPUB`
    case publish(PublishFrame)
    /// `SUB subject [queue] sid`
    case subscribe(SubscribeFrame)
    /// `UNSUB sid [max]`. `max` counts the messages delivered since the subscription was made; 0 is the same as nil, and so is what is
    /// no number or has more than nine digits: at once.
    case unsubscribe(sid: Range<Int>, max: Int?)
    /// `PING`
    case ping
    /// `PONG`
    case pong
    /// `+OK`
    case ok
    /// `-ERR text`
    case error(text: Range<Int>)
    /// `INFO {json}`, which nats-server accepts from a client and ignores.
    case info(json: Range<Int>)
}

/// A message on its way to a server.
public struct PublishFrame: Sendable, Hashable {
    /// The subject. It is one token of the line; whether it is a subject is not checked.
    public var subject: Range<Int>
    /// The reply subject.
    public var reply: Range<Int>?
    /// The header block; nil in PUB and in an HPUB with 0 header bytes.
    public var headers: Range<Int>?
    /// The payload.
    public var payload: Range<Int>
    /// Everything after the subject and its separator to the frame's last byte, if it stands in the canonical form: single
    /// spaces, CRLF, no leading zeros. A MSG (an HMSG if there are headers) ends in exactly these bytes after its sid, so a server
    /// can copy them instead of writing them anew.
    public var tail: Range<Int>?
}

/// A client's wish for messages.
public struct SubscribeFrame: Sendable, Hashable {
    /// The subject pattern. It is one token of the line; whether it is a pattern is not checked.
    public var subject: Range<Int>
    /// The queue group.
    public var queue: Range<Int>?
    /// The client's name for the subscription.
    public var sid: Range<Int>
}

/// An operation of a server, as a client reads it. Ranges are offsets into the bytes that were parsed.
public enum ServerFrame: Sendable, Hashable {
    /// `INFO {json}`
    case info(json: Range<Int>)
    /// `MSG` or `HMSG`
    case message(MessageFrame)
    /// `PING`
    case ping
    /// `PONG`
    case pong
    /// `+OK`
    case ok
    /// `-ERR text`; the text's quotes are part of the range.
    case error(text: Range<Int>)
}

/// A message on its way to a client.
public struct MessageFrame: Sendable, Hashable {
    /// The subject the message was published to.
    public var subject: Range<Int>
    /// The subscription it is for.
    public var sid: Range<Int>
    /// The reply subject.
    public var reply: Range<Int>?
    /// The header block; nil in MSG and in an HMSG with 0 header bytes.
    public var headers: Range<Int>?
    /// The payload.
    public var payload: Range<Int>
}
