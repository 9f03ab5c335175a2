import Logging
import RivuletBackbone

/// What activations use of their host.
final class ObjectServices: Sendable {
    let bus: any MessageBus
    let caller: BusCaller
    let store: any ObjectStore
    let committer: Committer
    let feed: EventFeed
    let time: any TimeSource
    let dependencies: Dependencies
    let ownership: any ObjectOwnership
    let configuration: ObjectHostConfiguration
    /// Turns; it is idle when no object does anything.
    let turns = TaskScope()
    /// Background work, which may last as long as its activation.
    let background = TaskScope()
    let tracing = MessageTracing()
    let logger: Logger

    init(
        bus: any MessageBus, caller: BusCaller, store: any ObjectStore, committer: Committer, feed: EventFeed,
        time: any TimeSource, dependencies: Dependencies, ownership: any ObjectOwnership, configuration: ObjectHostConfiguration,
        logger: Logger
    ) {
        self.bus = bus
        self.caller = caller
        self.store = store
        self.committer = committer
        self.feed = feed
        self.time = time
        self.dependencies = dependencies
        self.ownership = ownership
        self.configuration = configuration
        self.logger = logger
    }

    /// Publishes; a bus that takes no more, as when the node stops, is no reason to fail what has committed.
    func publish(_ message: BusMessage) {
        bus.publish(message, orLogTo: logger)
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

extension MessageBus {
    /// Publishes what has committed, and logs that the bus takes no more.
    func publish(_ message: BusMessage, orLogTo logger: Logger) {
        do {
            try publish(message)
        } catch {
            logger.debug("message not delivered", metadata: ["subject": "\(message.subject)", "error": "\(error)"])
        }
    }

    /// The same with messages that leave together.
    func publish(_ messages: [BusMessage], orLogTo logger: Logger) {
        do {
            try publish(messages)
        } catch {
            logger.debug("messages not delivered", metadata: ["count": "\(messages.count)", "error": "\(error)"])
        }
    }
}
