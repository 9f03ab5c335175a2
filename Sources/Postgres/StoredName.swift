import RivuletBackbone
import RivuletSubscriptions

/// An object's kind and id as they are stored, percent-encoded, in the order in which rows are locked.
struct StoredName: Comparable, Sendable {
    /// Most bytes of both together: a little less than an index's row can hold.
    private static let limit = 2000

    let kind: String
    let id: String

    init(_ object: ObjectID) {
        (kind, id) = (SubjectToken.encode(object.kind), SubjectToken.encode(object.id))
    }

    /// The name, unless no index can hold it.
    ///
    /// - Throws: ``StoreError``: `incompatible`.
    init(checking object: ObjectID) throws(StoreError) {
        self.init(object)
        let count = kind.utf8.count + id.utf8.count
        guard count <= Self.limit else {
            throw StoreError(.incompatible, "an object's kind and id may have \(Self.limit) bytes together, and not \(count)")
        }
    }

    static func < (left: StoredName, right: StoredName) -> Bool {
        left.kind.utf8.elementsEqual(right.kind.utf8)
            ? left.id.utf8.lexicographicallyPrecedes(right.id.utf8) : left.kind.utf8.lexicographicallyPrecedes(right.kind.utf8)
    }
}
