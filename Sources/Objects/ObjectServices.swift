import Logging
import RivuletBackbone

/// What activations use of their host.
struct ObjectServices: Sendable {
    let bus: any MessageBus
    let caller: BusCaller
    let store: any ObjectStore
    let committer: Committer
    let time: any TimeSource
    let dependencies: Dependencies
    let configuration: ObjectHostConfiguration
    /// Turns; it is idle when no object does anything.
    let turns: TaskScope
    /// Background work, which may last as long as its activation.
    let background: TaskScope
    let logger: Logger
    let tracing = MessageTracing()

    /// Publishes; a bus that takes no more, as when the node stops, is no reason to fail what has committed.
    func publish(_ message: BusMessage) {
        do {
            try bus.publish(message)
        } catch {
            logger.debug("message not delivered", metadata: ["subject": "\(message.subject)", "error": "\(error)"])
        }
    }

    /// Publishes what may be much, at a pace that subscribers can keep.
    func publish(_ run: MessageRun) async {
        do {
            try await bus.publish(run)
        } catch {
            logger.debug("messages not delivered", metadata: ["subject": "\(run.subject)", "error": "\(error)"])
        }
    }
}
