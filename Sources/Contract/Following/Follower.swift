/// What a follower wants.
struct FollowRequest: Sendable {
    var kind: String
    /// Nil for all objects of the kind.
    var id: String?
    var start: StartPosition
    var follows: Bool
}

/// Does what a ``FollowMachine`` says, at the pace at which it is asked for the next item.
struct Follower: Sendable {
    private let source: EventSource
    private let request: FollowRequest
    private var machine: FollowMachine
    private var ready: ArraySlice<FollowMachine.Output> = []
    private var link: Link?
    private var hasRead = false

    /// What a follower holds on to at the bus.
    private struct Link: Sendable {
        var live: LiveMessages
        var pages: PageReader
        var subject: SubjectPattern
        /// They end with their last reference.
        var attachments: [Attachment]
    }

    init(_ request: FollowRequest, of source: EventSource) {
        self.source = source
        self.request = request
        machine = FollowMachine(from: request.start, ofOneObject: request.id != nil, follows: request.follows)
    }

    /// The next item; nil when there is none any more, or the task is cancelled.
    mutating func next() async throws -> FollowMachine.Output? {
        while true {
            if let output = ready.popFirst() { return output }
            if Task.isCancelled { return nil }
            switch machine.step {
            case .finish: return nil
            case .read(let sequence):
                guard let page = try await read(from: sequence) else { return nil }
                ready = machine.take(page)[...]
            case .listen:
                switch try await connect().live.next() {
                case .message(let message): ready = take(message)[...]
                case .lost: machine.lostLiveMessages()
                case .closed: throw EventStreamError(.closed, "the connection was closed while \(request.kind)'s events were followed")
                case .cancelled: return nil
                }
            }
        }
    }

    private mutating func take(_ message: BusMessage) -> [FollowMachine.Output] {
        if let event = EventEnvelope(live: message) { return machine.take(live: event) }
        guard let event = EventEnvelope(ephemeral: message, at: machine.position) else { return [] }
        return [.event(event, event.position)]
    }

    /// A page. A connection that breaks and a server that has too much to do are waited for, and so is anything else once a page was
    /// read; a stream that cannot be read at all is an error.
    private mutating func read(from sequence: UInt64) async throws -> FollowMachine.Page? {
        var pause: Duration = .milliseconds(50)
        while true {
            do {
                let link = try connect()
                link.live.startOver()
                let page = try await link.pages.read(
                    StreamReadRequest(
                        sequence: sequence, subject: link.subject.description, batch: source.pageSize, maximumBytes: source.pageBytes),
                    timeout: source.readTimeout)
                hasRead = true
                return page
            } catch is CancellationError {
                return nil
            } catch let error as BusError {
                if error.code == .closed { throw EventStreamError(.closed, error.message, cause: error) }
                let isPassing = hasRead && error.code != .forbidden || [.disconnected, .full].contains(error.code)
                guard isPassing else { throw EventStreamError(.unavailable, error.message, cause: error) }
            } catch let error as SubjectError {
                throw EventStreamError(.invalid, error.description, cause: error)
            }
            guard await source.time.sleep(pause) else { return nil }
            pause = min(pause * 2, .seconds(2))
        }
    }

    /// Listens before the first page is read, so that nothing falls between them.
    private mutating func connect() throws -> Link {
        if let link { return link }
        let subject = try ObjectSubject.events(kind: request.kind, id: request.id)
        let pages = try PageReader(bus: source.bus, time: source.time, stream: request.kind)
        let live = LiveMessages()
        var attachments: [Attachment] = []
        if request.follows {
            attachments.append(try source.bus.attach(subject, queue: nil) { live.send($0) })
        }
        if let bus = source.bus as? any InterruptibleBus {
            attachments.append(
                bus.observe { [weak pages] interruption in
                    switch interruption {
                    case .resumed:
                        live.lose()
                        pages?.interrupt(BusError(.disconnected, "the connection was lost while a page was read"))
                    case .closed:
                        live.close()
                        pages?.interrupt(BusError(.closed, "the connection is closed"))
                    }
                })
        }
        let made = Link(live: live, pages: pages, subject: subject, attachments: attachments)
        link = made
        return made
    }
}

extension TimeSource {
    /// Waits; false if the task was cancelled meanwhile.
    fileprivate func sleep(_ duration: Duration) async -> Bool {
        let live = LiveMessages()
        let alarm = schedule(at: now + duration) { live.lose() }
        defer { alarm.cancel() }
        if case .cancelled = await live.next() { return false }
        return true
    }
}
