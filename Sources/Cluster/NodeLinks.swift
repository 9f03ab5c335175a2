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

/// One connection to each other node that messages were handed on to, made when the first one is.
public final class NodeLinks: Sendable {
    private let node: String
    private let bus: any MessageBus
    private let membership: any Membership
    private let connect: @Sendable (NodeDescription) async throws -> NodeConnection
    private let configuration: ClusterConfiguration
    private let time: any TimeSource
    private let logger: Logger
    private let links = Mutex<[String: NodeLink]>([:])
    private let fresh = BoundedChannel<NodeLink>(capacity: 4096, whenFull: .dropNewest)

    /// Links of a node, which do nothing until ``run()``.
    ///
    /// - Parameters:
    ///   - bus: Where answers go.
    ///   - connect: Connects to a node, as its own client with the right to do everything.
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

    /// Hands a message on. Those for one node leave in order.
    ///
    /// - Parameter onRefusal: Called when no answer will come; nobody else tells the sender.
    func forward(_ message: BusMessage, to node: String, onRefusal: @escaping @Sendable (Refusal) -> Void) {
        link(to: node).send(Forwarded(message: message, onRefusal: onRefusal))
    }

    /// Ends the connection to a node that is gone.
    func close(_ node: String) {
        links.withLock { $0[node] }?.close()
    }

    /// Keeps the connections until the task is cancelled.
    public func run() async {
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

    private func link(to node: String) -> NodeLink {
        let (link, isFresh) = links.withLock { links -> (NodeLink, Bool) in
            if let link = links[node] { return (link, false) }
            let link = NodeLink(from: self.node, to: node, bus: bus, configuration: configuration, time: time)
            links[node] = link
            return (link, true)
        }
        if isFresh { fresh.send(link) }
        return link
    }

    private func run(_ link: NodeLink) async {
        var connection: NodeConnection?
        do {
            guard let description = try await membership.members().first(where: { $0.name == link.node }) else {
                throw BusError(.disconnected, "there is no node \(link.node)")
            }
            let made = try await connect(description)
            connection = made
            await link.run(over: made, at: description.address)
        } catch {
            logger.debug("cannot reach another node", metadata: ["node": "\(link.node)", "error": "\(error)"])
        }
        link.close()
        links.withLock { links in
            if links[link.node] === link { links[link.node] = nil }
        }
        await connection?.close()
    }
}
