import Synchronization

/// The activations of one kind.
final class KindHost: Sendable {
    private let kind: Kind
    private let services: ObjectServices
    private let activations = Mutex<[ObjectID: Activation]>([:])

    init(_ kind: Kind, services: ObjectServices) {
        self.kind = kind
        self.services = services
    }

    var name: String { kind.name }
    var messages: [String] { kind.messages }
    var isPersistent: Bool { kind.isPersistent }
    var statistics: KindStatistics { kind.statistics }
    var activeCount: Int { activations.withLock { $0.count } }

    /// What runs for a message of this name.
    func handler(of message: String) -> Kind.Runner? { kind[message] }

    /// What becomes of a call.
    enum Receipt {
        case taken
        /// Another node has the object.
        case elsewhere(node: String)
        /// Earlier ones wait until it is known where the object is.
        case behindOthers
        case refused(CallError)
    }

    /// Hands a call to its object, activating it if need be.
    ///
    /// - Parameter isHandedBack: Whether it turned out to be for this node after all.
    func deliver(_ delivery: Delivery, _ payload: [UInt8], to id: ObjectID, isHandedBack: Bool) -> Receipt {
        guard delivery.handler != nil else { return .refused(kind.unknown(delivery.message)) }
        if !isHandedBack, services.ownership.isLookedFor(id), !delivery.headers.isHandedOn { return .behindOthers }
        while true {
            let activation: Activation
            switch place(of: id, isHandedOn: delivery.headers.isHandedOn) {
            case .here(let found): activation = found
            case .elsewhere(let node): return .elsewhere(node: node)
            }
            switch activation.deliver(delivery, payload) {
            case .taken: return .taken
            case .full:
                return .refused(CallError(.overloaded, "\(kind.configuration.mailboxCapacity) messages wait for \(id) already"))
            case .ended: forget(activation)
            }
        }
    }

    func checkTurns(at now: Duration) {
        for activation in activations.withLock({ Array($0.values) }) { activation.checkTurn(at: now) }
    }

    func deactivateAll() {
        for activation in activations.withLock({ Array($0.values) }) { activation.deactivate(afterOthers: true) }
    }

    /// Ends an object for which no message waits.
    func deactivateIfIdle(_ id: ObjectID) {
        guard let activation = activations.withLock({ $0[id] }), activation.isIdle else { return }
        activation.deactivate(afterOthers: true)
    }

    func loseAll() {
        for activation in activations.withLock({ Array($0.values) }) { activation.loseCurrent() }
    }

    private enum Place {
        case here(Activation)
        case elsewhere(node: String)
    }

    /// An activation that is there comes first, though another node is known to have the object: messages in its mailbox, which go to that
    /// node, must not be overtaken.
    private func place(of id: ObjectID, isHandedOn: Bool) -> Place {
        activations.withLock { activations in
            if let present = activations[id] { return .here(present) }
            if !isHandedOn, let node = services.ownership.knownOwner(of: id) { return .elsewhere(node: node) }
            let made = Activation(id: id, kind: kind, services: services) { [weak self] in self?.forget($0) }
            activations[id] = made
            return .here(made)
        }
    }

    private func forget(_ activation: Activation) {
        activations.withLock { activations in
            if activations[activation.id] === activation { activations[activation.id] = nil }
        }
    }
}

extension Activation {
    fileprivate var isIdle: Bool { state.withLock { !$0.isDraining && !$0.hasEnded } }
}
