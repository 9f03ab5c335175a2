import RivuletBroker
import RivuletSubscriptions

/// `/subsz`: the subscriptions there are, those in the process included.
struct SubscriptionsPage {
    private let lists: Bool
    private let subject: Subject?
    private let offset: Int
    private let limit: Int

    init(_ query: Query) throws(Query.Wrong) {
        lists = query.flag("subs")
        offset = try query.number("offset", default: 0)
        limit = try query.number("limit", default: 1024)
        do throws(SubjectError) {
            subject = try query.text("test").map { text throws(SubjectError) in try Subject(text) }
        } catch {
            throw Query.Wrong(message: "invalid test subject, must be valid publish subject: \(error)")
        }
    }

    func json(_ broker: Broker) -> JSONValue {
        let (total, part) = lists ? broker.subscriptions(matching: subject, offset: offset, limit: limit) : (0, [])
        return JSONValue([
            "server_id": .string(broker.serverID), "now": .string(SystemTime().wallTime.description),
            "num_subscriptions": .int(broker.statistics.subscriptions), "total": .int(total), "offset": .int(offset),
            "limit": .int(limit), "subscriptions_list": lists ? .array(part.map { Self.json($0) }) : nil,
        ])
    }

    static func json(_ subscription: SubscriptionSnapshot) -> JSONValue {
        JSONValue([
            "subject": .string(subscription.subject), "qgroup": subscription.queue.map { .string($0) }, "sid": .string(subscription.sid),
            "msgs": .int(subscription.messages), "max": subscription.maximum > 0 ? .int(subscription.maximum) : nil,
            "cid": .int(subscription.connection ?? 0),
        ])
    }
}
