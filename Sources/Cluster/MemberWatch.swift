import Logging
public import RivuletBackbone
public import RivuletSubscriptions
import Synchronization

/// Which other nodes there are, as this one knows.
public final class MemberWatch: Sendable {
    /// Who came and who went.
    public struct Change: Sendable, Hashable {
        /// Those that have joined.
        public var joined: [NodeDescription]
        /// Those that have left, or given no sign of life for too long.
        public var gone: [NodeDescription]

        /// A change.
        public init(joined: [NodeDescription], gone: [NodeDescription]) {
            self.joined = joined
            self.gone = gone
        }
    }

    private struct State {
        var members: [NodeDescription] = []
        var observers: [UInt64: @Sendable (Change) -> Void] = [:]
        var last: UInt64 = 0
    }

    private let node: String
    private let membership: any Membership
    private let interval: Duration
    private let time: any TimeSource
    private let logger: Logger
    private let state = Mutex(State())

    /// A watch for the node of this name, which knows of nobody until ``run()``.
    public init(
        for node: String, membership: any Membership, configuration: ClusterConfiguration = ClusterConfiguration(),
        time: any TimeSource = SystemTime(), logger: Logger
    ) {
        self.node = node
        self.membership = membership
        interval = configuration.timeToLive / 3
        self.time = time
        self.logger = logger
    }

    /// The other nodes, by name.
    public var members: [NodeDescription] { state.withLock { $0.members } }

    /// Calls `change` whenever nodes have come or gone; it must return at once.
    public func onChange(_ change: @escaping @Sendable (Change) -> Void) -> Attachment {
        let number = state.withLock { state in
            state.last += 1
            state.observers[state.last] = change
            return state.last
        }
        return Attachment { [self] in state.withLock { $0.observers[number] = nil } }
    }

    /// Looks three times in a lease's time, until the task is cancelled. While the store cannot be asked, what was known stays.
    ///
    /// - Parameter seen: Gets the other nodes, as they are, after each look; it must return at once.
    public func run(_ seen: @Sendable ([NodeDescription]) -> Void = { _ in }) async {
        while !Task.isCancelled {
            do throws(StoreError) {
                let others = try await membership.members().filter { $0.name != node }
                seen(others)
                become(others)
            } catch {
                logger.debug("cannot tell who else is there", metadata: ["error": "\(error)"])
            }
            await time.wait(until: time.now + interval)
        }
    }

    private func become(_ members: [NodeDescription]) {
        let (change, observers) = state.withLock { state in
            let (old, new) = (Set(state.members.map(\.name)), Set(members.map(\.name)))
            let change = Change(
                joined: members.filter { !old.contains($0.name) }, gone: state.members.filter { !new.contains($0.name) })
            state.members = members
            return (change, Array(state.observers.values))
        }
        guard change != Change(joined: [], gone: []) else { return }
        for observer in observers { observer(change) }
    }
}
