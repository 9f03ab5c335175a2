import Logging
import RivuletSubscriptions
import RivuletWire
import Synchronization

// How a session lets its client in, and what becomes of what that may not do any more.
extension Session {
    /// A question that takes long to answer, and that has to be before the client is let in; once.
    mutating func takeQuestion() -> Login.Question? { login.takeQuestion() }

    /// The question was answered.
    mutating func answer(_ question: Login.Question, isKnown: Bool) {
        guard !machine.hasEnded else { return }
        let isWaiting = machine.isAuthenticating
        decide(login.answer(question, isKnown: isKnown))
        if isWaiting, !machine.isAuthenticating, !partial.isEmpty { parseAndKeep(partial.take()) }
    }

    mutating func decide(_ outcome: Login.Outcome?) {
        switch outcome {
        case nil: break
        case .refused:
            logger.notice("login refused", metadata: ["connection": "\(outbox.id)", "address": "\(info.clientIP ?? "")"])
            run(.login(accepted: false))
        case .granted(let account):
            let isNew = machine.isAuthenticating
            if isNew, let end = account.deadline, end <= SystemTime().wallTime { return decide(.refused) }
            deadline = account.deadline
            if carryOut(.login(accepted: true)), isNew {
                begin(as: account.name)
            } else {
                outbox.record.client.withLock { $0.user = account.name }
            }
            endForbiddenSubscriptions()
        }
    }

    /// The client is let in.
    mutating func begin(as user: String?) {
        let options = machine.options
        outbox.setAcceptsHeaders(options.headers)
        let tlsVersion = tls?.version(of: outbox.channel)
        outbox.record.client.withLock {
            $0 = ConnectionRecord.Client(
                name: options.name ?? "", language: options.lang ?? "", version: options.version ?? "", user: user, tlsVersion: tlsVersion)
        }
        logger.debug("connected", metadata: ["connection": "\(outbox.id)", "client": "\(machine.options.name ?? "")"])
    }

    /// Ends what the client subscribed to before and may not any more, and tells it.
    private mutating func endForbiddenSubscriptions() {
        routes = RouteCache()
        guard !subscriptions.isEmpty else { return }
        router.interest.invalidateRoutes()
        for (sid, subscriber) in subscriptions.all {
            if router.permissions.allow(.network(login.access), to: .subscribe, subscriber.pattern.utf8) { continue }
            outbox.end(subscriber)
            subscriptions[sid] = nil
            router.interest.remove(CollectionOfOne(subscriber))
            perform(.report(.subscriptionViolation(subscriber.pattern.description, queue: subscriber.queue)))
        }
    }
}
