/// The messages of one subscription, in order of delivery, through a bounded buffer.
///
/// Read it from one task. It ends when it is cancelled, when the bus closes, or with ``BoundedChannel/Overflow`` when its reader is too
/// slow and ``SubscriptionOptions/whenFull`` says so.
public struct Subscription: AsyncSequence, Sendable {
    /// The messages.
    public typealias Element = BusMessage

    private let channel: BoundedChannel<BusMessage>

    /// A view of a channel that a bus fills.
    public init(_ channel: BoundedChannel<BusMessage>) {
        self.channel = channel
    }

    /// How many messages were dropped because the reader was too slow.
    public var dropped: Int { channel.dropped }

    /// Unsubscribes; messages that arrived before can still be read.
    public func cancel() {
        channel.finish()
    }

    /// Reads on.
    public func makeAsyncIterator() -> BoundedChannel<BusMessage>.Iterator {
        channel.makeAsyncIterator()
    }
}

/// How a subscription waits for its reader.
public struct SubscriptionOptions: Sendable, Hashable {
    /// The queue group to join; nil for none.
    public var queue: String? = nil
    /// How many messages may wait for the reader.
    public var capacity = 65_536
    /// What happens when more come.
    public var whenFull: BoundedChannel<BusMessage>.WhenFull = .fail

    /// Options; the defaults are no queue group, 65,536 messages, and an error when they overflow.
    public init(queue: String? = nil, capacity: Int = 65_536, whenFull: BoundedChannel<BusMessage>.WhenFull = .fail) {
        self.queue = queue
        self.capacity = capacity
        self.whenFull = whenFull
    }
}

extension MessageBus {
    /// Subscribes, for reading as a sequence.
    ///
    /// - Throws: ``BusError`` when the bus does not take the subscription.
    public func subscribe(_ pattern: SubjectPattern, _ options: SubscriptionOptions = .init()) throws(BusError) -> Subscription {
        let link = AttachmentLink()
        let channel = BoundedChannel<BusMessage>(capacity: options.capacity, whenFull: options.whenFull) { link.cancel() }
        let attachment = try attach(pattern, queue: options.queue) { [weak channel] in channel?.send($0) }
        link.set(attachment)
        return Subscription(channel)
    }
}
