import NIOCore
import RivuletSubscriptions
import RivuletWire

/// Reads what other nodes send, and brings it to the subscribers of this one. Nothing of it goes to another node again.
struct PeerReader {
    /// Nodes write longer lines than clients: where a message goes, and who waits for its answer.
    private static let longestLine = 65_536

    private let router: Router
    private let peers: PeerLink
    private let parser: FrameParser
    private var routes = RouteCache()
    private var run = PublishRun()
    private var turn = UInt64.random(in: .min ... .max)

    init(_ router: Router, _ peers: PeerLink) {
        self.router = router
        self.peers = peers
        let limits = router.configuration.limits
        parser = FrameParser(limits: WireLimits(controlLine: Self.longestLine, payload: limits.payload, headers: limits.headers))
    }

    /// Delivers some of the messages.
    ///
    /// - Returns: Where the next one begins; nil if what is there is none.
    mutating func deliver(_ bytes: borrowing Span<UInt8>, from start: Int, into batch: inout DeliveryBatch) -> Int? {
        let offset = deliverRuns(bytes, from: start, into: &batch)
        guard offset == start else { return offset }
        guard case .frame(.publish(let frame), let consumed)? = try? parser.nextClientFrame(in: bytes, from: start) else { return nil }
        deliver(frame, in: bytes, into: &batch)
        return start + consumed
    }

    /// Delivers messages for everybody, as many as there are in a row.
    private mutating func deliverRuns(_ bytes: borrowing Span<UInt8>, from start: Int, into batch: inout DeliveryBatch) -> Int {
        let router = router
        let generation = router.interest.generation
        var offset = start
        var subject = 0..<0
        while let publish = parser.plainPublish(in: bytes, from: offset) {
            let next = publish.subject..<(publish.tail - 1)
            if subject.isEmpty || !RouteCache.areEqual(bytes.extracting(subject), bytes.extracting(next)) {
                guard !Self.mayBeSpecial(bytes[next.lowerBound]) else { break }
                let name = bytes.extracting(next)
                let route = routes.route(for: name, generation: generation) { router.relayedRoute(for: name) }
                guard route.takesPlainRuns else { break }
                if route !== run.route {
                    deliverRun(in: bytes, into: &batch)
                    run.begin(route)
                }
                subject = next
            }
            run.append(publish)
            offset = publish.end
            if run.isFull { break }
        }
        deliverRun(in: bytes, into: &batch)
        run.end()
        return offset
    }

    private mutating func deliverRun(in bytes: borrowing Span<UInt8>, into batch: inout DeliveryBatch) {
        guard let route = run.route, !run.frames.isEmpty else { return }
        router.deliver(run, in: bytes, of: nil, along: route, reach: .node, echoless: nil, into: &batch)
        run.removeFrames()
    }

    /// Whether the subject may be more than that.
    private static func mayBeSpecial(_ first: UInt8) -> Bool { first == UInt8(ascii: "$") || first == UInt8(ascii: "_") }

    private mutating func deliver(_ frame: PublishFrame, in bytes: borrowing Span<UInt8>, into batch: inout DeliveryBatch) {
        turn &+= 1
        let (router, peers, turn) = (router, peers, turn)
        let subject = bytes.extracting(frame.subject)
        let (envelope, reply) = subject.withUnsafeBufferPointer { (PeerEnvelope($0, for: peers.node), PeerReply($0)) }
        if let reply {
            let isOwn = subject.withUnsafeBufferPointer { $0[PeerReply.prefix.count..<(reply.length - 1)].elementsEqual(peers.node) }
            guard isOwn else { return }
            let frame = frame.stripping(reply.length)
            let route = router.inboxRoute(for: bytes.extracting(frame.subject))
            router.deliver(relayed: frame, in: bytes, along: route, to: .everybody, turn: turn, into: &batch)
        } else if let envelope {
            let frame = frame.stripping(envelope.length)
            let name = bytes.extracting(frame.subject)
            let route = routes.route(for: name, generation: router.interest.generation) { router.relayedRoute(for: name) }
            let isReached = router.deliver(relayed: frame, in: bytes, along: route, to: .some(envelope), turn: turn, into: &batch)
            if !isReached, !envelope.queues.isEmpty, envelope.flags.contains(.answersUnreached) {
                answerUnreached(frame, in: bytes, into: &batch)
            }
        } else {
            let route = routes.route(for: subject, generation: router.interest.generation) { router.relayedRoute(for: subject) }
            router.deliver(relayed: frame, in: bytes, along: route, to: .plain, turn: turn, into: &batch)
        }
    }

    /// Tells who asked that there is nobody any more.
    private func answerUnreached(_ frame: PublishFrame, in bytes: borrowing Span<UInt8>, into batch: inout DeliveryBatch) {
        guard let range = frame.reply else { return }
        let reply = bytes.extracting(range)
        guard reply.withUnsafeBufferPointer({ PeerReply($0) }) != nil else { return }
        let headers = NoResponders(subject: Array(copying: bytes.extracting(frame.subject))).headers.encoded()
        var tail: [UInt8] = []
        FrameEncoder.messageTail(reply: Span(), headers: headers.span, payload: Span(), to: &tail)
        peers.append(subject: reply, tail: tail.span, hasHeaders: true, size: headers.count, .plain, to: [], into: &batch)
    }
}

extension PublishFrame {
    /// Without the first bytes of its subject.
    func stripping(_ count: Int) -> PublishFrame {
        var frame = self
        frame.subject = (subject.lowerBound + count)..<subject.upperBound
        return frame
    }
}
