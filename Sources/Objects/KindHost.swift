import Synchronization

/// The activations of one kind; its type is erased for the host.
protocol AnyKindHost: Sendable {
    var name: String { get }
    var messages: [String] { get }
    var isPersistent: Bool { get }
    var statistics: KindStatistics { get }
    /// Hands a call to its object, activating it if need be. Nil when it was taken, else why not.
    func deliver(_ delivery: Delivery, to id: ObjectID) -> CallError?
    func checkTurns(at now: Duration)
    func deactivateAll()
    var activeCount: Int { get }
}

final class KindHost<Object: ServiceObject>: AnyKindHost {
    private let kind = Kind<Object>()
    private let services: ObjectServices
    private let activations = Mutex<[ObjectID: Activation<Object>]>([:])

    init(services: ObjectServices) {
        self.services = services
    }

    var name: String { kind.name }
    var messages: [String] { kind.handlers.names }
    var isPersistent: Bool { kind.isPersistent }
    var statistics: KindStatistics { kind.statistics }
    var activeCount: Int { activations.withLock { $0.count } }

    func deliver(_ delivery: Delivery, to id: ObjectID) -> CallError? {
        guard kind.handlers[delivery.message] != nil else { return kind.unknown(delivery.message) }
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

    private func activation(of id: ObjectID) -> Activation<Object> {
        activations.withLock { activations in
            if let present = activations[id] { return present }
            let made = Activation(id: id, kind: kind, services: services) { [weak self] in self?.forget($0) }
            activations[id] = made
            return made
        }
    }

    private func forget(_ activation: Activation<Object>) {
        activations.withLock { activations in
            if activations[activation.id] === activation { activations[activation.id] = nil }
        }
    }
}
