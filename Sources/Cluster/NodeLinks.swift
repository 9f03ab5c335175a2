import Logging
public import RivuletBackbone
import RivuletContract
public import RivuletSubscriptions
import Synchronization

/// A connection to another node.
public struct NodeConnection: Sendable {
    /// Carries messages to it and from it.
    public var bus: any MessageBus
    /// Returns when the connection is lost, or the task is cancelled.
    public var ended: @Sendable () async -> Void
    /// Ends it.
    public var close: @Sendable () async -> Void

    /// A connection.
    public init(bus: any MessageBus, ended: @escaping @Sendable () async -> Void, close: @escaping @Sendable () async -> Void) {
        self.bus = bus
        self.ended = ended
        self.close = close
    }
}

/// Connections to other nodes, made when the first message is handed on: to each node one for each thread that receives messages from
/// clients, and one for messages of the process. So what a client sends leaves where it was received, without waking another thread, and
/// its answer comes back there.
public final class NodeLinks: Sendable {
    private struct Way: Hashable {
        let node: String
        let thread: ObjectIdentifier?

        init(to node: String, for thread: (any DeliveringThread)?) {
            self.node = node
            self.thread = thread.map { ObjectIdentifier($0) }
        }
    }

    private let node: String
    private let bus: any MessageBus
    private let membership: any Membership
    private let connect: @Sendable (NodeDescription) async throws -> NodeConnection
    private let configuration: ClusterConfiguration
    private let time: any TimeSource
    private let logger: Logger
    /// Nil when nobody keeps them any more.
    private let links = Mutex<[Way: NodeLink]?>([:])
    private let fresh = BoundedChannel<NodeLink>(capacity: 4096, whenFull: .dropNewest)

    /// Links of a node, which do nothing until ``run()``.
    ///
    /// - Parameters:
    ///   - bus: Where answers go.
    ///   - connect: Connects to a node, as its own client with the right to do everything. Runs on the thread that the connection is for.
    public init(
        from node: String, bus: any MessageBus, membership: any Membership, configuration: ClusterConfiguration = ClusterConfiguration(),
        time: any TimeSource = SystemTime(), logger: Logger, connect: @escaping @Sendable (NodeDescription) async throws -> NodeConnection
    ) {
        self.node = node
        self.bus = bus
        self.membership = membership
        self.configuration = configuration
        self.time = time
        self.logger = logger
        self.connect = connect
    }

    /// Hands a message on. Those of one sender for one node leave in order.
    ///
    /// - Parameter onRefusal: Called when no answer will come; nobody else tells the sender.
    func forward(_ message: BusMessage, to node: String, onRefusal: @escaping @Sendable (Refusal) -> Void) {
        let forwarded = Forwarded(message: message, onRefusal: onRefusal)
        while let link = link(to: node, for: message.origin?.receivingThread) {
            if link.send(forwarded) { return }
            forget(link)
        }
        onRefusal(.notHandled)
    }

    /// Ends the connections to a node that is gone.
    func close(_ node: String) {
        for link in links.withLock({ ($0 ?? [:]).values.filter { $0.node == node } }) { link.close() }
    }

    /// Keeps the connections until the task is cancelled; then nothing is handed on any more.
    public func run() async {
        defer {
            for link in links.withLock({ $0.take() ?? [:] }).values { link.close() }
        }
        await withDiscardingTaskGroup { group in
            do {
                for try await link in fresh {
                    group.addTask {
                        await self.run(link)
                    }
                }
            } catch {
                // It ends without an error.
            }
            group.cancelAll()
        }
    }

    /// Nil when nobody would keep it.
    private func link(to node: String, for thread: (any DeliveringThread)?) -> NodeLink? {
        let way = Way(to: node, for: thread)
        let (link, isFresh) = links.withLock { links -> (NodeLink?, Bool) in
            guard links != nil else { return (nil, false) }
            if let link = links?[way] { return (link, false) }
            let link = NodeLink(from: self.node, to: node, on: thread, bus: bus, configuration: configuration, time: time)
            links?[way] = link
            return (link, true)
        }
        if isFresh, let link { fresh.send(link) }
        return link
    }

    private func run(_ link: NodeLink) async {
        var connection: NodeConnection?
        do {
            guard let description = try await membership.members().lazy.map(\.node).first(where: { $0.name == link.node }) else {
                throw BusError(.disconnected, "there is no node \(link.node)")
            }
            let made = try await withTaskExecutorPreference(link.thread) { try await connect(description) }
            connection = made
            await link.run(over: made, at: description.address)
        } catch {
            logger.debug("cannot reach another node", metadata: ["node": "\(link.node)", "error": "\(error)"])
        }
        link.close()
        await link.ended()
        forget(link)
        await connection?.close()
    }

    private func forget(_ link: NodeLink) {
        let way = Way(to: link.node, for: link.thread)
        links.withLock { links in
            if links?[way] === link { links?[way] = nil }
        }
    }
}
