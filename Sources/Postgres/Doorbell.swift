import RivuletBackbone
import Synchronization

/// Tells listeners to look, and carries no truth. While it rings, any number of wishes to ring become one.
///
/// NOTIFY locks out other transactions that notify until it has committed, so it has one of its own, without waiting for the disk.
final class Doorbell: Sendable {
    private enum State {
        case silent
        case ringing(again: Bool)
    }

    /// Where it is heard.
    let channel: String
    private let state = Mutex(State.silent)
    private let readers: ConnectionPool<ServerConnection>
    private let timeout: Duration

    private static let notify = Statement("notify", "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, '')")

    init(schema: Schema, readers: ConnectionPool<ServerConnection>, timeout: Duration) {
        channel = "rivulet_relay_\(schema.name)"
        self.readers = readers
        self.timeout = timeout
    }

    func ring() {
        let isFirst = state.withLock { state in
            defer { if case .ringing = state { state = .ringing(again: true) } else { state = .ringing(again: false) } }
            if case .silent = state { return true }
            return false
        }
        if isFirst { send { [self] in rest() } }
    }

    private func rest() {
        let isWanted = state.withLock { state in
            guard case .ringing(again: true) = state else {
                state = .silent
                return false
            }
            state = .ringing(again: false)
            return true
        }
        if isWanted { send { [self] in rest() } }
    }

    private func send(then: @escaping @Sendable () -> Void) {
        let (channel, deadline) = (channel, Deadline(in: timeout))
        readers.add(
            Job(deadline: deadline) { connection in
                defer { then() }
                var parameters = Parameters()
                parameters.add(channel)
                do throws(ServerError) {
                    try connection.run(Self.notify, parameters, until: deadline)
                } catch {
                    // Listeners look from time to time anyway.
                    if error.isLost { return .broken(error.explained("ring in", "the database")) }
                }
                return .done
            } giveUp: { _ in
                then()
            })
    }
}
