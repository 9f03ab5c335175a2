/// What whoever published a message may do, for those who answer in the publisher's place, such as readers of streams.
public protocol MessageOrigin: AnyObject, Sendable {
    /// Whether it is another node of the cluster, which alone is believed about how a message has travelled.
    var isNode: Bool { get }

    /// The thread that receives their messages, always the same one; nil if there is none of that kind.
    var receivingThread: (any DeliveringThread)? { get }

    /// Whether they may get messages that were published to this subject.
    func mayReceive(_ subject: Subject) -> Bool

    /// Whether they may subscribe to this pattern.
    func maySubscribe(to pattern: SubjectPattern) -> Bool
}
