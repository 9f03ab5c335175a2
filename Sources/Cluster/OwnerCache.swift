import RivuletSubscriptions
import Synchronization

/// Which other node owned an object when it was last heard. Bounded: when it is full, it begins anew.
final class OwnerCache: Sendable {
    private let owners = Mutex<[ObjectID: String]>([:])
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    subscript(object: ObjectID) -> String? { owners.withLock { $0[object] } }

    func remember(_ node: String, of object: ObjectID) {
        owners.withLock { owners in
            if owners.count >= limit, owners[object] == nil { owners.removeAll(keepingCapacity: true) }
            owners[object] = node
        }
    }

    func forget(_ object: ObjectID) {
        owners.withLock { $0[object] = nil }
    }

    /// Forgets whatever is said of a node.
    func forget(node: String) {
        owners.withLock { $0 = $0.filter { $0.value != node } }
    }
}
