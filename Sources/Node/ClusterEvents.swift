import RivuletBackbone
import RivuletCluster
import RivuletContract
import RivuletSubscriptions

/// Tells on the node's own bus, and so to its own clients, what becomes of nodes: `$SYS.SERVER.<node>.JOINED` and so on, near
/// nats-server's names.
struct ClusterEvents: Sendable {
    private struct Body: Encodable {
        let name: String
        let address: String
    }

    let node: NodeDescription
    let bus: any MessageBus

    /// `JOINED`, `SUSPECTED`, `RECOVERED`, `LEFT` or `DIED`.
    func tell(_ change: MemberChange) {
        publish(change.kind.rawValue.uppercased(), of: change.node)
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
