import RivuletSubscriptions
import RivuletWire

// What a session does for its client: publish, subscribe, unsubscribe.
extension Session {
    mutating func publish(_ frame: PublishFrame, in bytes: borrowing Span<UInt8>, acknowledge: Bool) {
        let router = router
        let subject = bytes.extracting(frame.subject)
        let access = login.access
        // Only told: the message goes where it can all the same.
        if machine.options.pedantic, SubjectForm(Array(copying: subject), maximumTokens: .max).isWrong {
            perform(.report(.invalidPublishSubject))
        }
        var route = routes.route(for: subject, generation: router.interest.generation) {
            router.route(for: subject, from: .network(access))
        }
        switch route.verdict {
        case .invalid: return perform(.report(.invalidPublishSubject))
        case .forbidden:
            guard router.permissions.allowAnswer(of: access, to: Array(copying: subject)) else {
                return perform(.report(.permissionsViolationPublish(String(decoding: Array(copying: subject), as: UTF8.self))))
            }
            route = router.route(for: subject, from: .network(access), isAnswer: true)
        case .deliver: break
        }
        var mayReachProcesses = true
        if route.reachesProcess || route.peers != nil, let range = frame.reply {
            let reply = bytes.extracting(range)
            mayReachProcesses = router.allowReply(for: access, at: reply)
            guard mayReachProcesses || !route.reachesProcess else {
                return perform(.report(.permissionsViolationReply(String(decoding: Array(copying: reply), as: UTF8.self))))
            }
        }
        if acknowledge { send(FrameEncoder.ok) }
        turn &+= 1
        let echoless = machine.options.echo ? nil : outbox
        let spans = frame.headers == nil ? nil : router.beginSpans(of: frame, in: bytes)
        let before = batch.traffic.outMessages
        let anybody = router.deliver(
            frame, in: bytes, along: route, origin: access, mayReachProcesses: mayReachProcesses, echoless: echoless, turn: turn,
            into: &batch)
        spans?.end(deliveries: batch.traffic.outMessages - before)
        if UserInfo.isAsked(at: subject), let reply = frame.reply {
            tellUserInfo(at: Array(copying: bytes.extracting(reply)))
        } else if !anybody {
            answerUnreached(frame, in: bytes)
        }
    }

    /// Answers a client that asks who it is.
    private mutating func tellUserInfo(at reply: [UInt8]) {
        guard router.allowReply(for: login.access, at: reply.span) else {
            return perform(.report(.permissionsViolationReply(String(decoding: reply, as: UTF8.self))))
        }
        let user = UserInfo(server: info, account: login.account, options: machine.options)
        let answer = BusMessage(subject: Subject(received: reply), payload: user.encoded(at: SystemTime().wallTime))
        _ = router.deliver(answer, turn: turn, into: &batch)
    }

    mutating func subscribe(_ frame: SubscribeFrame, in bytes: borrowing Span<UInt8>) {
        let sid = Array(copying: bytes.extracting(frame.sid))
        let subject = Array(copying: bytes.extracting(frame.subject))
        let queue = frame.queue.map { String(decoding: Array(copying: bytes.extracting($0)), as: UTF8.self) }
        guard router.permissions.allow(.network(login.access), to: .subscribe, subject) else {
            return perform(.report(.subscriptionViolation(String(decoding: subject, as: UTF8.self), queue: queue)))
        }
        // Like nats-server: a sid that is in use keeps its first meaning, whatever else it is to mean.
        if subscriptions[sid]?.isActive == true {
            _ = carryOut(.subscribe(count: 0))
            return
        }
        guard let pattern = pattern(subject) else { return perform(.report(.invalidSubject)) }
        guard carryOut(.subscribe(count: subscriptions.count)) else { return }
        let subscriber = Subscriber(outbox, login.access, sid: sid, pattern, queue: queue)
        subscriptions[sid] = subscriber
        router.interest.insert(subscriber, pattern, queue: queue)
    }

    private func pattern(_ subject: [UInt8]) -> SubjectPattern? {
        guard let text = String(validating: subject, as: UTF8.self), let pattern = try? SubjectPattern(text),
            pattern.tokens.count <= router.configuration.maximumSubjectTokens
        else { return nil }
        return pattern
    }

    mutating func unsubscribe(_ sid: [UInt8], max: Int?) {
        guard let subscriber = subscriptions[sid] else { return }
        if let max, max > 0, !outbox.setMaximum(max, of: subscriber) { return }
        outbox.end(subscriber)
        subscriptions[sid] = nil
        router.interest.remove(CollectionOfOne(subscriber))
    }
}
