public import RivuletSubscriptions

/// Brings addressed messages to objects, and their replies back; what ``BusCaller`` calls through.
public protocol CallCarrier: Sendable {
    /// Publishes a request and waits for the first reply.
    ///
    /// - Parameter deadline: On the time source's `now`.
    /// - Throws: `BusError` with `noResponders`, `timeout` or what the bus says; `CancellationError`.
    func request(_ message: BusMessage, to object: ObjectID, deadline: Duration) async throws -> BusMessage

    /// Publishes a message that nobody answers. What one caller sends to one object arrives in order, requests included.
    ///
    /// - Throws: `BusError`.
    func publish(_ message: BusMessage, to object: ObjectID) throws(BusError)
}

/// Brings everything over one bus.
struct BusCarrier: CallCarrier {
    let bus: any MessageBus
    let requester: Requester

    func request(_ message: BusMessage, to object: ObjectID, deadline: Duration) async throws -> BusMessage {
        try await requester.request(message, deadline: deadline)
    }

    func publish(_ message: BusMessage, to object: ObjectID) throws(BusError) {
        try bus.publish(message)
    }
}
