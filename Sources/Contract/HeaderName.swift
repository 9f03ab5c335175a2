package import RivuletWire

/// The header names that Rivulet reads and writes.
public enum HeaderName {
    /// A service error's number (NATS service convention).
    public static let serviceErrorCode = "Nats-Service-Error-Code"
    /// A service error's sentence (NATS service convention).
    public static let serviceError = "Nats-Service-Error"
    /// The name of an application's typed error.
    public static let errorName = "Rivulet-Error"
    /// Makes a request idempotent: within the window, the same id on the same object gets the stored reply.
    public static let messageID = "Nats-Msg-Id"
    /// How many milliseconds the caller still waits.
    public static let timeout = "Rivulet-Timeout"
    /// The objects that wait for this call, outermost first, separated by commas.
    public static let callChain = "Rivulet-Call-Chain"
    /// The node that handed a request on to the object's owner, which does not hand it on again.
    public static let hop = "Rivulet-Hop"
    /// On the refusal of a request that was handed on to a node which does not own its object: 1.
    public static let moved = "Rivulet-Moved"
    /// On the answer to a request that was handed on: where the broker of the object's owner listens, `host:port`. Whoever may connect
    /// there can send the next one straight to it.
    public static let owner = "Rivulet-Owner"
    /// W3C trace context: the trace, and the span in it.
    public static let traceParent = "traceparent"
    /// W3C trace context: what tracing systems add.
    public static let traceState = "tracestate"

    /// The stream of an event.
    public static let stream = "Nats-Stream"
    /// The number of an event in its stream.
    public static let sequence = "Nats-Sequence"
    /// When an event was committed, RFC 3339.
    public static let timeStamp = "Nats-Time-Stamp"
    /// The subject of an event that is read back.
    public static let subject = "Nats-Subject"
    /// How many more events match what was asked for.
    public static let pending = "Nats-Num-Pending"
    /// The sequence up to which a read has looked.
    public static let lastSequence = "Nats-Last-Sequence"
    /// The epoch of an event's stream.
    public static let epoch = "Rivulet-Epoch"
    /// The sequence of the same object's event before this one; 0 for its first.
    public static let previous = "Rivulet-Previous"
}

extension Headers {
    /// How long the sender waits; nil if it does not say.
    package var timeout: Duration? {
        self[HeaderName.timeout].flatMap { Int64($0) }.map { .milliseconds(Swift.max(0, Swift.min($0, 1_000_000_000_000))) }
    }
}
