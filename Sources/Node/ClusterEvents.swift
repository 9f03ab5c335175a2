import RivuletBackbone
import RivuletCluster
import RivuletContract
import RivuletSubscriptions

/// Tells on the node's own bus which nodes come and go: `$SYS.SERVER.<node>.JOINED`, `LEFT` and `LOST`, near nats-server's names.
struct ClusterEvents: Sendable {
    private struct Body: Encodable {
        let name: String
        let address: String
    }

    let node: NodeDescription
    let bus: any MessageBus

    func tell(_ change: MemberWatch.Change) {
        for node in change.joined { publish("JOINED", of: node) }
        for node in change.gone { publish("LEFT", of: node) }
    }

    /// The node itself has lost its place.
    func tellLoss() {
        publish("LOST", of: node)
    }

    /// A bus that is closed has nobody to tell.
    private func publish(_ event: String, of node: NodeDescription) {
        guard let subject = try? Subject("$SYS.SERVER.\(SubjectToken.encode(node.name)).\(event)"),
            let body = try? JSONPayload.encode(Body(name: node.name, address: node.address))
        else { return }
        try? bus.publish(BusMessage(subject: subject, payload: body))
    }
}
