import NIOCore
import RivuletWire

// How a session takes what is read: frame by frame, and plain messages in a row as a run.
extension Session {
    /// Takes what one read brought.
    mutating func receive(_ bytes: ByteBuffer) {
        guard !machine.hasEnded else { return }
        var bytes = bytes
        if received == 0, let first = bytes.readableBytesView.first { run(.begun(with: first)) }
        received &+= bytes.readableBytes
        outbox.record.noteActivity()
        complete(with: &bytes)
        if bytes.readableBytes > 0, partial.isEmpty { parseAndKeep(bytes) }
        run(.received(total: received))
    }

    /// Completes the frame whose beginning an earlier read brought.
    private mutating func complete(with bytes: inout ByteBuffer) {
        if machine.isAuthenticating, !partial.isEmpty { return partial.append(&bytes) }
        while !partial.isEmpty, bytes.readableBytes > 0, !machine.hasEnded {
            let before = partial.count
            guard let whole = partial.complete(with: &bytes) else { return }
            let (consumed, needed) = parse(whole)
            if consumed > before {
                // What follows is taken where it is.
                bytes.moveReaderIndex(to: bytes.readerIndex - (whole.readableBytes - consumed))
            } else {
                keep(whole, from: consumed, needed: needed)
            }
        }
    }

    mutating func parseAndKeep(_ bytes: ByteBuffer) {
        let (consumed, needed) = parse(bytes)
        keep(bytes, from: consumed, needed: needed)
    }

    private mutating func keep(_ bytes: ByteBuffer, from offset: Int, needed: Int) {
        if machine.hasEnded { return }
        partial.keep(bytes, from: offset, needed: needed, allocator: outbox.channel.allocator)
    }

    /// - Returns: How many bytes made whole frames, and how many the frame that begins there has at least; 0 if none does.
    private mutating func parse(_ buffer: ByteBuffer) -> (consumed: Int, needed: Int) {
        let bytes = buffer.readableBytesUInt8Span
        var offset = 0
        var needed = 0
        do throws(WireError) {
            parsing: while offset < bytes.count && !machine.hasEnded && !machine.isAuthenticating {
                if machine.takesPublishesSilently {
                    if let other = takeRuns(in: bytes, of: buffer, from: &offset) {
                        publish(other.frame, in: bytes, acknowledge: false)
                        offset = other.end
                        continue
                    }
                    guard offset < bytes.count else { break }
                }
                switch try parser.nextClientFrame(in: bytes, from: offset) {
                case .frame(let frame, let consumed):
                    receive(frame, in: bytes)
                    offset += consumed
                case .incomplete(let atLeast):
                    needed = atLeast
                    break parsing
                }
            }
        } catch {
            run(.unreadable(error))
        }
        if machine.isAuthenticating { needed = bytes.count - offset }
        // No room for what may not come anyway.
        if machine.isAwaitingConnect { needed = min(needed, router.configuration.maximumBytesBeforeConnect) }
        return (offset, needed)
    }

    /// Takes plain messages for other connections, as many as there are in a row; `offset` is then where something else begins.
    ///
    /// - Returns: The plain message that begins there, if one does: it cannot be part of a run.
    private mutating func takeRuns(in bytes: borrowing Span<UInt8>, of buffer: ByteBuffer, from offset: inout Int) -> PlainPublish? {
        let router = router
        let parser = parser
        let access = login.access
        let generation = router.interest.generation
        var subject = 0..<0
        var isWanted = false
        var next = parser.plainPublish(in: bytes, from: offset)
        while let publish = next {
            let published = publish.subject..<(publish.tail - 1)
            if subject.isEmpty || !RouteCache.areEqual(bytes.extracting(subject), bytes.extracting(published)) {
                let name = bytes.extracting(published)
                let route = routes.route(for: name, generation: generation) { router.route(for: name, from: .network(access)) }
                guard route.takesRuns else { break }
                if route !== publishRun.route {
                    deliverRun(in: bytes, of: buffer)
                    publishRun.begin(route)
                }
                subject = published
                // Requests that other nodes may answer want a reply subject of their own.
                isWanted = !route.isEmpty && route.peers == nil && !UserInfo.isAsked(at: name)
            }
            guard isWanted || !publish.hasReply else { break }
            publishRun.append(publish)
            if publishRun.isFull { deliverRun(in: bytes, of: buffer) }
            offset = publish.end
            next = parser.plainPublish(in: bytes, from: offset)
        }
        deliverRun(in: bytes, of: buffer)
        publishRun.end()
        return next
    }

    private mutating func deliverRun(in bytes: borrowing Span<UInt8>, of buffer: ByteBuffer) {
        guard let route = publishRun.route, !publishRun.frames.isEmpty else { return }
        let echoless = machine.options.echo ? nil : outbox
        let reached = router.deliver(publishRun, in: bytes, of: buffer, along: route, echoless: echoless, into: &batch)
        if publishRun.hasRequests, reached < publishRun.frames.count { answerUnreached(publishRun.frames[reached...], in: bytes) }
        publishRun.removeFrames()
    }

    /// Tells the client which of its requests reached nobody.
    private mutating func answerUnreached(_ frames: ArraySlice<PublishRun.Frame>, in bytes: borrowing Span<UInt8>) {
        for place in frames {
            guard case .frame(.publish(let frame), _)? = try? parser.nextClientFrame(in: bytes, from: Int(place.start)) else { return }
            answerUnreached(frame, in: bytes)
        }
    }

    mutating func answerUnreached(_ frame: PublishFrame, in bytes: borrowing Span<UInt8>) {
        guard machine.options.noResponders, let reply = frame.reply else { return }
        let notice = NoResponders(subject: Array(copying: bytes.extracting(frame.subject)))
        notice.send(to: outbox, at: Array(copying: bytes.extracting(reply)), router: router, into: &batch)
    }

    private mutating func receive(_ frame: ClientFrame, in bytes: borrowing Span<UInt8>) {
        switch frame {
        case .publish(let frame):
            let action = machine.handle(.publish(hasHeaders: frame.headers != nil))
            guard case .carryOut(let acknowledge) = action else { return perform(action) }
            publish(frame, in: bytes, acknowledge: acknowledge)
        case .subscribe(let frame):
            subscribe(frame, in: bytes)
        case .unsubscribe(let sid, let max):
            guard carryOut(.unsubscribe) else { return }
            unsubscribe(Array(copying: bytes.extracting(sid)), max: max)
        case .connect(let json):
            if carryOut(.connect(options(Array(copying: bytes.extracting(json))))) { begin(as: nil) }
        case .ping: run(.ping)
        case .pong:
            if let pinged { outbox.record.noteRoundTrip(.now() - pinged) }
            pinged = nil
            run(.pong)
        case .error: run(.error)
        case .ok, .info: break
        }
    }

    private func options(_ json: [UInt8]) -> Result<ConnectOptions, WireError> {
        do throws(WireError) {
            return .success(try ConnectOptions(parsing: json, earlier: machine.options))
        } catch {
            return .failure(error)
        }
    }
}
