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

    /// Hands a call to its object, activating it if need be. Nil when it was taken, else why not.
    func deliver(_ delivery: Delivery, to id: ObjectID) -> CallError? {
        guard kind[delivery.message] != nil else { return kind.unknown(delivery.message) }
        while true {
            let activation = activation(of: id)
            switch activation.deliver(delivery) {
            case .taken: return nil
            case .full: return CallError(.overloaded, "\(kind.configuration.mailboxCapacity) messages wait for \(id) already")
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

    func loseAll() {
        for activation in activations.withLock({ Array($0.values) }) { activation.loseCurrent() }
    }

    private func activation(of id: ObjectID) -> Activation {
        activations.withLock { activations in
            if let present = activations[id] { return present }
            let made = Activation(id: id, kind: kind, services: services) { [weak self] in self?.forget($0) }
            activations[id] = made
            return made
        }
    }

    private func forget(_ activation: Activation) {
        activations.withLock { activations in
            if activations[activation.id] === activation { activations[activation.id] = nil }
        }
    }
}
