import Logging
public import RivuletBackbone
public import RivuletSubscriptions
import Synchronization

/// Which other nodes there are, and what becomes of them, as this one knows.
public final class MemberWatch: Sendable {
    private struct State {
        var roll = MemberRoll()
        var observers: [UInt64: @Sendable ([MemberChange]) -> Void] = [:]
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
    public var members: [NodeDescription] { state.withLock { $0.roll.nodes } }

    /// How often each change was seen.
    public var counts: [MemberChange.Kind: Int] { state.withLock { $0.roll.counts } }

    /// Calls `change` with what a look has found, if it has found anything; it must return at once.
    public func onChange(_ change: @escaping @Sendable ([MemberChange]) -> Void) -> Attachment {
        let number = state.withLock { state in
            state.last += 1
            state.observers[state.last] = change
            return state.last
        }
        return Attachment { [self] in state.withLock { $0.observers[number] = nil } }
    }

    /// Looks three times in a lease's time, until the task is cancelled. While the store cannot be asked, what was known stays.
    ///
    /// - Parameter seen: Gets the other nodes, as they are, and the names of those that are suspected, after each look; it must return
    ///   at once.
    public func run(_ seen: @Sendable (_ others: [NodeDescription], _ suspected: Set<String>) -> Void = { _, _ in }) async {
        while !Task.isCancelled {
            do throws(StoreError) {
                let asked = time.now
                let others = try await membership.members().filter { $0.node.name != node }
                seen(others.map(\.node), Set(others.filter(\.isSuspected).map(\.node.name)))
                note(others, asked: asked)
            } catch {
                logger.debug("cannot tell who else is there", metadata: ["error": "\(error)"])
            }
            await time.wait(until: time.now + interval)
        }
    }

    private func note(_ others: [ClusterMember], asked: Duration) {
        let (changes, observers) = state.withLock { state in
            (state.roll.see(others, asked: asked, answered: time.now), Array(state.observers.values))
        }
        guard !changes.isEmpty else { return }
        for observer in observers { observer(changes) }
    }
}
