public import RivuletSubscriptions
import RivuletWire
import Synchronization

// What makes the traffic of objects cheap: what nobody wants is not made, and what leaves together is written together.
extension Broker {
    /// Whether anybody subscribes to the subject now, or messages are traced.
    public func isWanted(_ subject: Subject) -> Bool {
        guard !router.tracing.isOn else { return true }
        return subject.withSpan { !router.processRoute(for: $0).isEmpty }
    }

    /// Whether anybody at this node subscribes to subjects that begin with these tokens and have more.
    public func hasSubscribers(under prefix: Subject) -> Bool { router.interest.hasSubscribers(under: prefix) }

    /// Delivers messages of the process, in order; a connection that gets several of them writes them together.
    ///
    /// - Throws: ``RivuletSubscriptions/BusError`` as ``publish(_:)``, once the messages it could take are handed over.
    public func publish(_ messages: [BusMessage]) throws(BusError) {
        let areSeparate = isClosed || router.tracing.isOn
        let longest = configuration.limits.payload
        var batch = DeliveryBatch()
        var failure: BusError?
        // In a span, since an element that is taken out of an array is copied whole.
        let all = messages.span
        for index in all.indices {
            guard !areSeparate, all[index].reply == nil, all[index].payload.count <= longest else {
                do throws(BusError) { try publish(all[index]) } catch { failure = failure ?? error }
                continue
            }
            let turn = turn.wrappingAdd(1, ordering: .relaxed).newValue
            _ = router.deliver(all[index], turn: turn, into: &batch)
        }
        send(batch)
        if let failure { throw failure }
    }
}
