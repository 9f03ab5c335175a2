/// A bus whose link can break, and who tells of it: a client's connection.
public protocol InterruptibleBus: MessageBus {
    /// Calls `change` for every interruption, until the attachment is cancelled.
    ///
    /// `change` must return at once. If the bus is closed already, it is called before this returns.
    func observe(_ change: @escaping @Sendable (BusInterruption) -> Void) -> Attachment
}

/// What can happen to a bus.
public enum BusInterruption: Sendable, Hashable {
    /// The link was broken and is restored: messages may be missing. Subscriptions are in place again, ahead of whatever is published
    /// from now on.
    case resumed
    /// The bus is closed for good.
    case closed
}
