import Synchronization

/// Where clients may go instead, as INFO tells them.
final class OtherServers: Sendable {
    private let known = Mutex<[String]>([])

    var addresses: [String] { known.withLock { $0 } }

    /// Whether they have changed.
    func become(_ addresses: [String]) -> Bool {
        known.withLock { known in
            defer { known = addresses }
            return known != addresses
        }
    }
}
