import RivuletSubscriptions
import Synchronization

/// A subscription at one moment.
public struct SubscriptionSnapshot: Sendable, Hashable {
    /// What is subscribed to.
    public var subject: String
    /// The queue group it is in.
    public var queue: String?
    /// The client's name for it; empty for one in the process.
    public var sid: String
    /// Messages delivered.
    public var messages: Int
    /// Messages after which it ends; 0 for never.
    public var maximum: Int
    /// The connection it belongs to; nil for one in the process.
    public var connection: Int?

    init(_ subscriber: Subscriber, connection: Int?) {
        subject = subscriber.pattern.description
        queue = subscriber.queue
        sid = String(decoding: subscriber.sid.dropLast(), as: UTF8.self)
        messages = subscriber.delivered.load(ordering: .relaxed)
        maximum = subscriber.maximum.load(ordering: .relaxed)
        self.connection = connection
    }
}
