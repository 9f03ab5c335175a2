import RivuletSubscriptions
import RivuletWire

/// Writes messages for the other nodes: PUB and HPUB frames, whose tails are those of the MSG frames that clients get.
final class PeerLink: Backlog {
    /// The node's name as a token of a subject.
    let node: [UInt8]
    private let replyPrefix: [UInt8]
    private let peers: any BrokerPeers
    private let permissions: Permissions

    init(_ peers: any BrokerPeers, as name: String, permissions: Permissions) {
        let token = SubjectToken.encode(name)
        node = Array(token.utf8)
        replyPrefix = PeerReply.prefix(of: token)
        self.peers = peers
        self.permissions = permissions
    }

    var isCongested: Bool { peers.isCongested }

    /// Tells of a subscription of this node.
    func count(_ subscriber: Subscriber, by change: Int) {
        guard subscriber.peers == nil, !permissions.isNodeLocal(subscriber.pattern.utf8) else { return }
        peers.count(SubscribedPattern(subscriber.pattern, queue: subscriber.queue), by: change)
    }

    /// Hands over one message. Where it asks for a reply to an inbox, it asks in a way that finds back.
    ///
    /// - Parameters:
    ///   - tail: What follows the sid of a MSG.
    ///   - flags: Whom it is for, besides the queue groups; `plain` and nothing else needs no envelope.
    ///   - groups: Of each queue group one peer.
    func append(
        subject: borrowing Span<UInt8>, tail: borrowing Span<UInt8>, hasHeaders: Bool, size: Int, _ flags: PeerEnvelope.Flags,
        to groups: [Subscriber], into batch: inout DeliveryBatch
    ) {
        let acceptance = peers.append(messages: 1) { bytes in
            if hasHeaders { bytes.append(UInt8(ascii: "H")) }
            bytes += Self.publish
            if flags != .plain || !groups.isEmpty { PeerEnvelope.write(flags, to: groups, &bytes) }
            bytes.append(contentsOf: subject)
            bytes.append(0x20)
            let asksAtInbox = tail.withUnsafeBufferPointer { $0.starts(with: PeerReply.inboxPrefix) }
            if asksAtInbox { bytes += replyPrefix }
            bytes.append(contentsOf: tail)
        }
        note(acceptance, messages: 1, size: size, in: &batch)
    }

    /// Hands over messages without replies, for subscribers outside queue groups.
    func append(_ run: borrowing PublishRun, in bytes: borrowing Span<UInt8>, into batch: inout DeliveryBatch) {
        let frames = run.frames
        let acceptance = peers.append(messages: frames.count) { target in
            for frame in frames {
                target += Self.publish
                target.append(contentsOf: bytes.extracting(Int(frame.subject)..<Int(frame.end)))
            }
        }
        note(acceptance, messages: frames.count, size: run.size, in: &batch)
    }

    private func note(_ acceptance: PeerAcceptance, messages: Int, size: Int, in batch: inout DeliveryBatch) {
        batch.traffic.relayed.messages += messages
        switch acceptance {
        case .taken: batch.traffic.relayed.bytes += size
        case .congested:
            batch.traffic.relayed.bytes += size
            batch.congested = self
        case .dropped: batch.traffic.relayed.dropped += messages
        }
    }

    private static let publish = Array("PUB ".utf8)
}

extension Subscriber {
    /// The link to the node that this stands for somebody of.
    var peers: PeerLink? { if case .peer(let peers) = target { peers } else { nil } }
}
