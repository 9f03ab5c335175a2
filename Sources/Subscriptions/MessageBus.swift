/// What carries messages: the broker inside a node, or a client connection to one.
///
/// Object hosts and event followers know only this, so that they run embedded, attached from outside, or in a test.
public protocol MessageBus: Sendable {
    /// Hands a message over. Does not wait and does not block; messages of one caller stay in order.
    ///
    /// A message that asks for a reply and that nobody subscribes to is answered with status 503 on its reply subject.
    ///
    /// - Throws: ``BusError`` when the bus is closed, has no room, or the message breaks one of its limits.
    func publish(_ message: BusMessage) throws(BusError)

    /// Hands messages over, each as ``publish(_:)`` does. Where it can, the bus waits a little while subscribers are behind, so that those
    /// who read as fast as they can miss nothing of a burst.
    ///
    /// - Throws: ``BusError`` as ``publish(_:)``, once the messages it could take are handed over.
    func publish(_ run: MessageRun) async throws(BusError)

    /// Hands messages over, each as ``publish(_:)`` does, and lets them leave together where it can.
    ///
    /// - Throws: ``BusError`` as ``publish(_:)``, once the messages it could take are handed over.
    func publish(_ messages: [BusMessage]) throws(BusError)

    /// Calls `receive` for every message that matches, until the attachment is cancelled.
    ///
    /// `receive` runs on the thread that delivers and must return at once: hand over, never wait. Calls for one attachment are in
    /// the order of each publisher; publishers on different threads may call at the same time.
    ///
    /// - Parameter queue: The queue group to join, of which one member gets each message.
    /// - Throws: ``BusError`` when the bus is closed or has no room for more subscriptions; `forbidden` when the name of the queue group is
    ///   empty, or holds white space or control characters.
    func attach(
        _ pattern: SubjectPattern, queue: String?, _ receive: @escaping @Sendable (BusMessage) -> Void
    ) throws(BusError) -> Attachment

    /// Whether a message to this subject may be of any use. Who makes many messages need not make those that are of none.
    func isWanted(_ subject: Subject) -> Bool

    /// Whether this bus itself may deliver messages to subjects that begin with these tokens and have more. Who would have to fetch them
    /// from elsewhere need not for those that it does not.
    func hasSubscribers(under prefix: Subject) -> Bool

    /// The thread that asks, if it delivers for this bus; nil elsewhere.
    var deliveringThread: (any DeliveringThread)? { get }
}

extension MessageBus {
    /// It may be.
    public func isWanted(_ subject: Subject) -> Bool { true }

    /// It may.
    public func hasSubscribers(under prefix: Subject) -> Bool { true }

    /// None.
    public var deliveringThread: (any DeliveringThread)? { nil }

    /// One after the other.
    public func publish(_ messages: [BusMessage]) throws(BusError) {
        var failure: BusError?
        for message in messages {
            do throws(BusError) { try publish(message) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }

    /// One after the other.
    public func publish(_ run: MessageRun) async throws(BusError) {
        var failure: BusError?
        for number in 0..<run.count {
            do throws(BusError) { try publish(run.message(number)) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }
}

/// A thread that delivers messages. What answers a message at once does so soonest, and with the least effort, where it was received.
public protocol DeliveringThread: TaskExecutor {
    /// Runs `work` on the thread once it is done with what it does now, in the order of the calls.
    func afterwards(_ work: @escaping @Sendable () -> Void)
}

/// A registration at a bus; it ends with ``cancel()`` or with its last reference.
public final class Attachment: Sendable {
    private let end: OneShot

    /// Calls `onCancel` once, when the attachment ends.
    public init(onCancel: @escaping @Sendable () -> Void) {
        end = OneShot(onCancel)
    }

    /// Ends it; messages already on their way may still arrive. Safe to call more than once.
    public func cancel() {
        end.fire()
    }

    deinit { end.fire() }
}

/// Why a bus did not take a message or a subscription.
public struct BusError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of trouble.
    public struct Code: Hashable, Sendable {
        private let name: String
        /// The bus is closed or draining.
        public static let closed = Code(name: "closed")
        /// Too much is waiting to be sent; try later.
        public static let full = Code(name: "full")
        /// The message, subject or number of subscriptions is over a limit.
        public static let limit = Code(name: "limit")
        /// The subject or queue group may not be used by this publisher or subscriber.
        public static let forbidden = Code(name: "forbidden")
        /// Nobody subscribes to the subject of a request.
        public static let noResponders = Code(name: "noResponders")
        /// The connection was lost before the answer came; whether the other side acted is not known.
        public static let disconnected = Code(name: "disconnected")
        /// No reply came in time.
        public static let timeout = Code(name: "timeout")
    }

    /// What kind of trouble it is.
    public let code: Code
    /// A sentence for people.
    public let message: String

    /// An error of a kind, with a sentence that says what could not be done.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The sentence.
    public var description: String { message }
}
