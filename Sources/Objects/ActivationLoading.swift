import Logging
import RivuletBackbone
import Synchronization

// How an activation gets its object: claimed for this node, and as it is stored.
extension Activation {
    enum LoadFailure: Error {
        case refused(CallError)
        /// Nil when the node that handed the message on has to look again.
        case elsewhere(node: String?)
    }

    /// Loads the object if need be, and waits until not too many of its turns are held.
    ///
    /// - Parameter isHandedOn: Whether the message that wants it was handed on by another node.
    func load(_ core: inout Core?, isHandedOn: Bool) async throws(LoadFailure) {
        if let current = core, await settle(current.generation, to: kind.configuration.mailboxCapacity) { return }
        core = nil
        await stopBackground()
        let generation = state.withLock { $0.generation }
        var fresh = try await stored(generation: generation, isHandedOn: isHandedOn)
        let failure = await run(&fresh, Caller(), isQuery: false) { object, turn in
            var object = object
            try await object.activated(in: turn)
            return (object, [])
        }
        if let failure { throw .refused(failure) }
        guard isCurrent(generation) else { throw .refused(CallError(.unavailable, "\(id) could not be activated; ask again")) }
        services.logger.debug("activated", metadata: ["object": "\(id)"])
        core = fresh
    }

    private func stored(generation: UInt64, isHandedOn: Bool) async throws(LoadFailure) -> Core {
        let epoch = try await claim(isHandedOn: isHandedOn)
        var object = kind.make()
        var row = StoredObject()
        do {
            if kind.isPersistent { row = try await services.store.load(id) }
            if let state = row.state { object = try StateCoding.restore(object, from: state, of: id) }
            let encoded = kind.isPersistent ? try row.state ?? StateCoding.encode(object) : []
            return Core(
                object: object, version: row.version, ownerEpoch: epoch ?? row.ownerEpoch, encoded: encoded,
                replies: ReplyRecords(row.replies), generation: generation)
        } catch let error as StoreError {
            throw .refused(CallError(.unavailable, "\(id) cannot be loaded: \(error.message)"))
        } catch {
            services.logger.error("object cannot be activated", metadata: ["object": "\(id)", "error": "\(error)"])
            throw .refused(CallError(.failed, error is UnreadableState ? "\(error)" : "\(id) cannot be activated"))
        }
    }

    /// Takes the object for this node. The epoch under which it is then owned.
    private func claim(isHandedOn: Bool) async throws(LoadFailure) -> UInt64? {
        let claim: ObjectClaim?
        do throws(CallError) {
            claim = try await services.ownership.claim(id, isHandedOn: isHandedOn)
        } catch {
            throw .refused(error)
        }
        switch claim {
        case .here(let epoch): return epoch
        case .elsewhere(let node): throw .elsewhere(node: node)
        case nil: throw .elsewhere(node: nil)
        }
    }
}
