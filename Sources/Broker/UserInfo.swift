import NIOCore
import RivuletSubscriptions
import RivuletWire

/// What a client is told that asks who it is: the server's own answer to requests at one subject, in the words of nats-server.
struct UserInfo {
    private static let subject = Array("$SYS.REQ.USER.INFO".utf8)
    /// There are no accounts; nats-server names the only one like this when it has no others.
    private static let onlyAccount = "$G"

    let server: ServerInfo
    let account: Authenticator.Account
    /// What the client says about itself.
    let options: ConnectOptions

    /// Whether a request to this subject asks for it.
    static func isAsked(at subject: borrowing Span<UInt8>) -> Bool {
        let own = Self.subject
        return RouteCache.areEqual(subject, own.span)
    }

    /// - Parameter now: When this is told.
    func encoded(at now: Timestamp) -> [UInt8] {
        var json = JSONWriter()
        json.add("server", describeServer(at: now))
        json.add("data", describeUser(at: now))
        return json.finished()
    }

    private func describeServer(at now: Timestamp) -> JSONWriter {
        var json = JSONWriter()
        json.add("name", server.serverName)
        json.add("host", server.host)
        json.add("id", server.serverID)
        json.add("ver", server.version)
        json.add("rivulet", server.rivulet)
        json.add("jetstream", server.jetstream)
        json.add("time", now.description)
        return json
    }

    private func describeUser(at now: Timestamp) -> JSONWriter {
        var json = JSONWriter()
        json.add(always: "user", account.name ?? options.user ?? "")
        json.add("account", Self.onlyAccount)
        json.add("account_name", Self.onlyAccount)
        if let permissions = account.permissions { json.add("permissions", Self.describe(permissions)) }
        // In nanoseconds, but to the second, as Go writes durations.
        if let deadline = account.deadline { json.add("expires", Self.secondsLeft(from: now, to: deadline) * 1_000_000_000) }
        return json
    }

    private static func describe(_ permissions: UserPermissions) -> JSONWriter {
        var json = JSONWriter()
        json.add("publish", describe(permissions.publish))
        json.add("subscribe", describe(permissions.subscribe))
        if let responses = permissions.responses {
            var answers = JSONWriter()
            answers.add("max", responses.maximumMessages)
            answers.add("ttl", Int(TimeAmount(responses.expiry).nanoseconds))
            json.add("responses", answers)
        }
        return json
    }

    private static func describe(_ permission: SubjectPermission) -> JSONWriter {
        var json = JSONWriter()
        json.add("allow", permission.allow?.map(\.description) ?? [])
        json.add("deny", permission.deny.map(\.description))
        return json
    }

    private static func secondsLeft(from now: Timestamp, to end: Timestamp) -> Int {
        max(0, Int(end.nanoseconds / 1_000_000_000 - now.nanoseconds / 1_000_000_000))
    }
}
