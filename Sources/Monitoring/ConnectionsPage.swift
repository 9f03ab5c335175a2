import RivuletBroker
import RivuletSubscriptions

/// `/connz`: the connections there are.
struct ConnectionsPage {
    private enum Subscriptions {
        case none
        case names
        case details
    }

    private let sort: ConnectionOrder
    private let offset: Int
    private let limit: Int
    private let id: Int?
    private let subscriptions: Subscriptions

    init(_ query: Query) throws(Query.Wrong) {
        sort = try ConnectionOrder(query.text("sort") ?? "cid")
        offset = try query.number("offset", default: 0)
        limit = try query.number("limit", default: 1024)
        id = query.text("cid") == nil ? nil : try query.number("cid", default: 0)
        subscriptions = query.text("subs") == "detail" ? .details : query.flag("subs") ? .names : .none
        let state = query.text("state") ?? "open"
        guard ["open", "any", "all"].contains(state) else {
            throw Query.Wrong(message: "state is not open: \(state.prefix(64)); closed connections are not kept")
        }
    }

    func json(_ broker: Broker) -> JSONValue {
        let now = SystemTime().wallTime
        var part: [ConnectionSnapshot]
        let total: Int
        if let id {
            part = broker.connection(id).map { [$0] } ?? []
            total = broker.statistics.connections
        } else {
            let all = broker.connections()
            total = all.count
            part = Array(sort.sorted(all).dropFirst(offset).prefix(limit))
        }
        return JSONValue([
            "server_id": .string(broker.serverID), "now": .string(now.description), "num_connections": .int(part.count),
            "total": .int(total), "offset": .int(id == nil ? offset : 0), "limit": .int(id == nil ? limit : 1),
            "connections": .array(part.map { json($0, broker, now) }),
        ])
    }

    private func json(_ connection: ConnectionSnapshot, _ broker: Broker, _ now: Timestamp) -> JSONValue {
        let list = subscriptions == .none ? [] : broker.subscriptions(of: connection.id)
        func text(_ text: String?) -> JSONValue? { text.flatMap { $0.isEmpty ? nil : .string($0) } }
        return JSONValue([
            "cid": .int(connection.id), "kind": "Client", "type": "nats", "ip": .string(connection.ip), "port": .int(connection.port),
            "start": .string(connection.start.description), "last_activity": .string(connection.lastActivity.description),
            "rtt": connection.roundTrip.map { .string(GoDuration.short($0)) },
            "uptime": .string(GoDuration.uptime(now.nanoseconds - connection.start.nanoseconds)),
            "idle": .string(GoDuration.uptime(now.nanoseconds - connection.lastActivity.nanoseconds)),
            "pending_bytes": .int(connection.pendingBytes), "in_msgs": .int(connection.inMessages),
            "out_msgs": .int(connection.outMessages),
            "in_bytes": .int(connection.inBytes), "out_bytes": .int(connection.outBytes),
            "subscriptions": .int(connection.subscriptions), "name": text(connection.name), "lang": text(connection.language),
            "version": text(connection.version), "tls_version": text(connection.tlsVersion), "authorized_user": text(connection.user),
            "subscriptions_list": subscriptions == .names && !list.isEmpty ? .array(list.map { .string($0.subject) }) : nil,
            "subscriptions_list_detail": subscriptions == .details && !list.isEmpty ? .array(list.map { SubscriptionsPage.json($0) }) : nil,
        ])
    }
}

/// How `/connz` can be sorted. All but the number and the start come largest first, as in nats-server.
struct ConnectionOrder {
    let sorted: @Sendable ([ConnectionSnapshot]) -> [ConnectionSnapshot]

    init(_ name: String) throws(Query.Wrong) {
        switch name {
        case "cid": self.init(ascending: \.id)
        case "start": self.init(ascending: \.start)
        case "subs": self.init(descending: \.subscriptions)
        case "pending": self.init(descending: \.pendingBytes)
        case "msgs_to": self.init(descending: \.outMessages)
        case "msgs_from": self.init(descending: \.inMessages)
        case "bytes_to": self.init(descending: \.outBytes)
        case "bytes_from": self.init(descending: \.inBytes)
        case "last": self.init(descending: \.lastActivity)
        case "idle": self.init(ascending: \.lastActivity)
        case "uptime": self.init(ascending: \.start)
        case "rtt": self.init { $0.sorted { ($0.roundTrip ?? .zero, $1.id) > ($1.roundTrip ?? .zero, $0.id) } }
        default: throw Query.Wrong(message: "invalid sorting option: \(name.prefix(64))")
        }
    }

    private init(_ sorted: @escaping @Sendable ([ConnectionSnapshot]) -> [ConnectionSnapshot]) {
        self.sorted = sorted
    }

    private init<Value: Comparable>(ascending key: any KeyPath<ConnectionSnapshot, Value> & Sendable) {
        sorted = { $0.sorted { ($0[keyPath: key], $0.id) < ($1[keyPath: key], $1.id) } }
    }

    private init<Value: Comparable>(descending key: any KeyPath<ConnectionSnapshot, Value> & Sendable) {
        sorted = { $0.sorted { ($0[keyPath: key], $1.id) > ($1[keyPath: key], $0.id) } }
    }
}
