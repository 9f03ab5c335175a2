import NIOCore
import RivuletSubscriptions
import RivuletWire
import Synchronization

/// Brings messages from publishers to subscribers. Works on any thread, and never waits.
final class Router: Sendable {
    let configuration: BrokerConfiguration
    let interest = Interest()
    let permissions: Permissions
    let gate: Gate
    let counters = Counters()
    /// The subscriptions of the process, for monitoring.
    let processSubscribers = Mutex<[ObjectIdentifier: Subscriber]>([:])
    let tracing = MessageTracing()
    private let processRoutes = Mutex(RouteCache())

    init(_ configuration: BrokerConfiguration) {
        self.configuration = configuration
        permissions = Permissions(configuration)
        gate = Gate(configuration.auth, timeout: configuration.authenticationTimeout)
    }

    /// Works out where messages to a subject go.
    ///
    /// - Parameter isAnswer: Whether it was found that the party may publish there, since that answers a request.
    func route(for subject: borrowing Span<UInt8>, from party: Party, isAnswer: Bool = false) -> SubjectRoute {
        subject.withUnsafeBufferPointer { name in
            let form = SubjectForm(name, maximumTokens: configuration.maximumSubjectTokens)
            if form == .long { return SubjectRoute(refused: .invalid, generation: interest.generation) }
            if let reply = PeerReply(name), let peers = interest.peers {
                return route(for: reply, name, peers, form: form, from: party, isAnswer: isAnswer)
            }
            guard isAnswer || permissions.allow(party, to: .publish, name) else {
                return SubjectRoute(refused: .forbidden, generation: interest.generation)
            }
            // What is no `Subject` is between connections: the process neither gets nor sends it.
            let isProper = form == .proper
            guard isProper || form != .broken && party.isNetwork else { return SubjectRoute(generation: interest.generation) }
            guard isProper else { return interest.route(for: name.span).withinNode().limited { mayReceive($0, name, form) } }
            let route = receivers(of: name)
            return route.peers != nil && permissions.isNodeLocal(name) ? route.withinNode() : route
        }
    }

    /// Those who want messages to a proper subject, and may have them.
    func receivers(of name: UnsafeBufferPointer<UInt8>) -> SubjectRoute {
        let route = interest.route(for: name.span)
        return route.isLimited ? route.limited { mayReceive($0, name, .proper) } : route
    }

    private func mayReceive(_ subscriber: Subscriber, _ name: UnsafeBufferPointer<UInt8>, _ form: SubjectForm) -> Bool {
        (form == .proper || subscriber.party.isNetwork) && permissions.allow(subscriber.party, to: .receive, name)
    }

    /// The route to an inbox of one of the nodes. Who may publish to the inbox may publish there.
    private func route(
        for reply: PeerReply, _ name: UnsafeBufferPointer<UInt8>, _ peers: PeerLink, form: SubjectForm, from party: Party, isAnswer: Bool
    ) -> SubjectRoute {
        let inbox = UnsafeBufferPointer(rebasing: name[reply.length...])
        guard isAnswer || permissions.allow(party, to: .publish, inbox) else {
            return SubjectRoute(refused: .forbidden, generation: interest.generation)
        }
        guard form == .proper else { return SubjectRoute(generation: interest.generation) }
        guard name[PeerReply.prefix.count..<(reply.length - 1)].elementsEqual(peers.node) else {
            return SubjectRoute(peers: peers, isWantedElsewhere: true, generation: interest.generation)
        }
        return receivers(of: inbox).withinNode().stripping(reply.length)
    }

    /// Whether answers may be sent to this subject for a client.
    func allowReply(for access: Access, at subject: borrowing Span<UInt8>) -> Bool {
        subject.withUnsafeBufferPointer { name in
            let length = PeerReply(name)?.length ?? 0
            let isElsewhere = length > 0 && interest.peers != nil
            return permissions.allowReply(for: access, at: name[(isElsewhere ? length : 0)...])
        }
    }

    /// The route of a message of the process.
    func processRoute(for subject: borrowing Span<UInt8>) -> SubjectRoute {
        processRoutes.withLock { routes in
            routes.route(for: subject, generation: interest.generation) { route(for: subject, from: .process) }
        }
    }

    /// Delivers messages without headers, in order, to connections and other nodes.
    ///
    /// - Parameter echoless: The publisher, if it does not want its own messages back.
    /// - Returns: How many of the messages, from the first on, reached anybody.
    @discardableResult
    func deliver(
        _ run: borrowing PublishRun, in bytes: borrowing Span<UInt8>, of buffer: ByteBuffer?, along route: SubjectRoute,
        reach: MessageReach = .cluster, echoless: Outbox?, into batch: inout DeliveryBatch
    ) -> Int {
        var reached = 0
        let shared = buffer.flatMap { run.isWorthSharing($0) ? $0 : nil }
        batch.traffic.inMessages += run.frames.count
        batch.traffic.inBytes += run.size
        for subscriber in route.plain {
            guard case .connection(let outbox) = subscriber.target, outbox !== echoless else { continue }
            let (result, count, size) = outbox.append(run, in: bytes, sharing: shared, for: subscriber)
            guard result.contains(.accepted) else { continue }
            batch.note(result, at: outbox)
            batch.traffic.outMessages += count
            batch.traffic.outBytes += size
            reached = max(reached, count)
            if result.contains(.expired) { expire(subscriber, of: outbox) }
        }
        if let peers = route.peers, reach == .cluster {
            peers.append(run, in: bytes, into: &batch)
            reached = run.frames.count
        }
        return reached
    }

    /// Delivers a message of a network connection.
    ///
    /// - Parameters:
    ///   - origin: What the publisher may do.
    ///   - mayReachProcesses: Whether those in the processes of other nodes may answer it.
    ///   - echoless: The publisher, if it does not want its own messages back.
    ///   - turn: Changes with every message of the publisher, so that the members of queue groups take turns.
    /// - Returns: Whether anybody got it.
    func deliver(
        _ frame: PublishFrame, in bytes: borrowing Span<UInt8>, along route: SubjectRoute, origin: Access, mayReachProcesses: Bool,
        echoless: Outbox?, turn: UInt64, into batch: inout DeliveryBatch
    ) -> Bool {
        let size = frame.payload.upperBound - (frame.headers ?? frame.payload).lowerBound
        batch.traffic.inMessages += 1
        batch.traffic.inBytes += size
        if route.isEmpty { return false }
        let frame = route.stripped == 0 ? frame : frame.stripping(route.stripped)
        var parcel = Parcel(size: size, hasHeaders: frame.headers != nil, echoless: echoless, turn: turn)
        parcel.mayReachProcesses = mayReachProcesses
        let subject = bytes.extracting(frame.subject)
        if route.hasAnswerers, let reply = frame.reply { parcel.reply = Array(copying: bytes.extracting(reply)) }
        let message = route.reachesProcess ? decode(frame, origin: origin, in: bytes) : nil
        if let tail = frame.tail {
            return deliver(&parcel, message, subject, bytes.extracting(tail), along: route, into: &batch) {
                Self.plainTail(of: frame, in: bytes)
            }
        }
        let tail = Self.tail(of: frame, in: bytes)
        return deliver(&parcel, message, subject, tail.span, along: route, into: &batch) { Self.plainTail(of: frame, in: bytes) }
    }

    /// Delivers a message of the process.
    ///
    /// - Returns: Whether anybody got it.
    func deliver(_ message: borrowing BusMessage, turn: UInt64, into batch: inout DeliveryBatch) -> Bool {
        message.subject.withSpan { subject in
            let route = processRoute(for: subject)
            guard route.stripped > 0 else { return deliver(message, subject: subject, along: route, turn: turn, into: &batch) }
            let name = subject.extracting(route.stripped..<subject.count)
            var message = copy message
            message.subject = Subject(received: name)
            return deliver(message, subject: name, along: route, turn: turn, into: &batch)
        }
    }

    private func deliver(
        _ message: borrowing BusMessage, subject: borrowing Span<UInt8>, along route: SubjectRoute, turn: UInt64,
        into batch: inout DeliveryBatch
    ) -> Bool {
        let headers = message.headers.isEmpty ? [] : message.headers.encoded()
        let size = headers.count + message.payload.count
        batch.traffic.inMessages += 1
        batch.traffic.inBytes += size
        var parcel = Parcel(size: size, hasHeaders: !headers.isEmpty, echoless: nil, turn: turn)
        parcel.reach = message.reach
        let leaves = route.reachesConnections || route.peers != nil
        let reply = leaves ? message.reply.map { Array($0.utf8) } ?? [] : []
        if route.hasAnswerers, !reply.isEmpty { parcel.reply = reply }
        var tail: [UInt8] = []
        swap(&tail, &batch.tail)
        defer { swap(&tail, &batch.tail) }
        if leaves {
            tail.removeAll(keepingCapacity: true)
            tail.reserveCapacity(size + 64)
            FrameEncoder.messageTail(reply: reply.span, headers: headers.span, payload: message.payload.span, to: &tail)
        }
        let payload = message.payload
        return deliver(&parcel, route.reachesProcess ? copy message : nil, subject, tail.span, along: route, into: &batch) {
            Self.tail(reply: reply.span, headers: Span(), payload: payload.span)
        }
    }

    // MARK: - One message to all who want it

    struct Parcel {
        let size: Int
        let hasHeaders: Bool
        let echoless: Outbox?
        let turn: UInt64
        /// The reply subject, if a subscriber may use it only because it was sent along.
        var reply: [UInt8]?
        /// Whether other nodes get it.
        var reach = MessageReach.cluster
        /// Whether those in the processes of other nodes may answer it.
        var mayReachProcesses = true
        /// The tail without headers, once a subscriber needed it.
        var plainTail: [UInt8]?

        init(size: Int, hasHeaders: Bool, echoless: Outbox?, turn: UInt64) {
            self.size = size
            self.hasHeaders = hasHeaders
            self.echoless = echoless
            self.turn = turn
        }
    }

    /// - Parameters:
    ///   - message: What subscribers in the process get; may be nil if the route has none.
    ///   - plainTail: Makes the tail without headers.
    private func deliver(
        _ parcel: inout Parcel, _ message: BusMessage?, _ subject: borrowing Span<UInt8>, _ tail: borrowing Span<UInt8>,
        along route: SubjectRoute, into batch: inout DeliveryBatch, _ plainTail: () -> [UInt8]
    ) -> Bool {
        var anybody = false
        for subscriber in route.plain where deliver(&parcel, message, subject, tail, to: subscriber, into: &batch, plainTail) {
            anybody = true
        }
        var directed: [Subscriber] = []
        var mayBeElsewhere = route.isWantedElsewhere
        for group in route.groups {
            if deliver(&parcel, message, subject, tail, toOneOf: group.members, into: &batch, plainTail) {
                anybody = true
            } else if let peer = group.peer(parcel.turn) {
                directed.append(peer)
                if !group.isWithinOnePeer { mayBeElsewhere = true }
            }
        }
        guard let peers = route.peers, parcel.reach == .cluster, route.isWantedElsewhere || !directed.isEmpty else { return anybody }
        var flags: PeerEnvelope.Flags = route.isWantedElsewhere ? .plain : []
        if !parcel.mayReachProcesses { flags.insert(.connectionsOnly) }
        if !anybody, !mayBeElsewhere, directed.count == 1 { flags.insert(.answersUnreached) }
        peers.append(
            subject: subject, tail: tail, hasHeaders: parcel.hasHeaders, size: parcel.size, flags, to: directed, into: &batch)
        return true
    }

    /// From the member whose turn it is to the one before it, the first that takes the message gets it.
    func deliver(
        _ parcel: inout Parcel, _ message: BusMessage?, _ subject: borrowing Span<UInt8>, _ tail: borrowing Span<UInt8>,
        toOneOf members: [Subscriber], into batch: inout DeliveryBatch, _ plainTail: () -> [UInt8]
    ) -> Bool {
        guard !members.isEmpty else { return false }
        let first = Int(truncatingIfNeeded: parcel.turn % UInt64(members.count))
        for step in 0..<members.count
        where deliver(&parcel, message, subject, tail, to: members[(first + step) % members.count], into: &batch, plainTail) {
            return true
        }
        return false
    }

    func deliver(
        _ parcel: inout Parcel, _ message: BusMessage?, _ subject: borrowing Span<UInt8>, _ tail: borrowing Span<UInt8>,
        to subscriber: Subscriber, into batch: inout DeliveryBatch, _ plainTail: () -> [UInt8]
    ) -> Bool {
        switch subscriber.target {
        case .connection(let outbox):
            if outbox === parcel.echoless { return false }
            if let reply = parcel.reply { subscriber.access?.expectAnswer(to: reply) }
            var result = outbox.append(subject: subject, tail: tail, hasHeaders: parcel.hasHeaders, size: parcel.size, for: subscriber)
            if result.contains(.headersNotUnderstood) {
                let plain = parcel.plainTail ?? plainTail()
                parcel.plainTail = plain
                result = outbox.append(subject: subject, tail: plain.span, hasHeaders: false, size: parcel.size, for: subscriber)
            }
            guard result.contains(.accepted) else { return false }
            batch.note(result, at: outbox)
            if result.contains(.expired) { expire(subscriber, of: outbox) }
        case .handler(let receive):
            guard subscriber.isActive, let message else { return false }
            subscriber.delivered.wrappingAdd(1, ordering: .relaxed)
            receive(message)
        case .peer: return false
        }
        batch.traffic.outMessages += 1
        batch.traffic.outBytes += parcel.size
        return true
    }

    /// Ends a subscription that has had its last message.
    func expire(_ subscriber: Subscriber, of outbox: Outbox) {
        interest.remove(CollectionOfOne(subscriber))
        outbox.signal(.expired(subscriber))
    }

    // MARK: - The forms of a message

    private static func tail(of frame: PublishFrame, in bytes: borrowing Span<UInt8>) -> [UInt8] {
        tail(
            reply: bytes.extracting(frame.reply ?? 0..<0), headers: bytes.extracting(frame.headers ?? 0..<0),
            payload: bytes.extracting(frame.payload))
    }

    /// The tail without headers.
    static func plainTail(of frame: PublishFrame, in bytes: borrowing Span<UInt8>) -> [UInt8] {
        tail(reply: bytes.extracting(frame.reply ?? 0..<0), headers: Span(), payload: bytes.extracting(frame.payload))
    }

    private static func tail(
        reply: borrowing Span<UInt8>, headers: borrowing Span<UInt8>, payload: borrowing Span<UInt8>
    ) -> [UInt8] {
        var tail: [UInt8] = []
        FrameEncoder.messageTail(reply: reply, headers: headers, payload: payload, to: &tail)
        return tail
    }

    /// The message for the process. What the wire does not forbid but the process cannot use is left out: a header block that is
    /// malformed, and a reply subject that is none.
    func decode(_ frame: PublishFrame, origin: Access?, in bytes: borrowing Span<UInt8>) -> BusMessage {
        var headers = Headers()
        if let range = frame.headers, let parsed = try? Headers(parsing: Array(copying: bytes.extracting(range))) { headers = parsed }
        return BusMessage(
            subject: Subject(received: bytes.extracting(frame.subject)), reply: reply(of: frame, in: bytes), headers: headers,
            payload: Array(copying: bytes.extracting(frame.payload)), origin: origin)
    }

    private func reply(of frame: PublishFrame, in bytes: borrowing Span<UInt8>) -> Subject? {
        guard let range = frame.reply else { return nil }
        let reply = bytes.extracting(range)
        let form = reply.withUnsafeBufferPointer { SubjectForm($0, maximumTokens: configuration.maximumSubjectTokens) }
        return form == .proper ? Subject(received: reply) : nil
    }
}

extension [UInt8] {
    /// The bytes of a span.
    init(copying span: borrowing Span<UInt8>) {
        self = span.withUnsafeBufferPointer { Array($0) }
    }
}
