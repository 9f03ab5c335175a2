import RivuletBroker
import RivuletSubscriptions
import RivuletWire

/// The section `authorization` of a settings file, in nats-server's words.
struct AuthorizationSection: Decodable, Sendable {
    private struct User: Decodable, Sendable {
        var user: String?
        var password: String?
        var nkey: String?
        var permissions: Permissions?
        var connection_deadline: String?
    }

    private struct Permissions: Decodable, Sendable {
        var publish: Subjects?
        var subscribe: Subjects?
        var allow_responses: Responses?
    }

    /// One subject, several, or what is allowed and what is denied.
    private struct Subjects: Decodable, Sendable {
        private struct Lists: Decodable {
            var allow: Names?
            var deny: Names?
        }

        private struct Names: Decodable {
            let all: [String]

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let one = try? container.decode(String.self) {
                    all = [one]
                } else {
                    all = try container.decode([String].self)
                }
            }
        }

        var allow: [String]?
        var deny: [String] = []

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let names = try? container.decode(Names.self) {
                allow = names.all
            } else {
                let lists = try container.decode(Lists.self)
                allow = lists.allow?.all
                deny = lists.deny?.all ?? []
            }
        }
    }

    /// Yes or no, or how many and for how long.
    private struct Responses: Decodable, Sendable {
        private struct Limits: Decodable {
            var max: Int?
            var expires: TimeSpan?
        }

        var permission: ResponsePermission?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let isAllowed = try? container.decode(Bool.self) {
                permission = isAllowed ? ResponsePermission() : nil
            } else {
                let limits = try container.decode(Limits.self)
                // 0 means the default, as in nats-server.
                let defaults = ResponsePermission()
                permission = ResponsePermission(
                    maximumMessages: limits.max.flatMap { $0 == 0 ? nil : $0 } ?? defaults.maximumMessages,
                    expiry: limits.expires.flatMap { $0.duration == .zero ? nil : $0.duration } ?? defaults.expiry)
            }
        }
    }

    /// The names that are known. Any other is an error: a misspelt denial would allow.
    static let names = SettingNames([
        "token": .none, "user": .none, "password": .none, "timeout": .none, "default_permissions": permissionNames,
        "no_auth_user": .none,
        "users": SettingNames([
            "user": .none, "password": .none, "nkey": .none, "permissions": permissionNames, "connection_deadline": .none,
        ]),
    ])
    private static let permissionNames = SettingNames([
        "publish": SettingNames(["allow": .none, "deny": .none]), "subscribe": SettingNames(["allow": .none, "deny": .none]),
        "allow_responses": SettingNames(["max": .none, "expires": .none]),
    ])

    private var token: String?
    private var user: String?
    private var password: String?
    private var users: [User]?
    private var default_permissions: Permissions?
    private var no_auth_user: String?
    /// How long a client may take to log in.
    let timeout: TimeSpan?

    /// Whether it says how long a login may take, and nothing else: then nobody has to log in, as with nats-server.
    private var isTimeoutOnly: Bool {
        timeout != nil && token == nil && user == nil && password == nil && users == nil && default_permissions == nil
            && no_auth_user == nil
    }

    /// What it says; nil if that is nothing of who may connect.
    ///
    /// - Throws: ``SettingError`` when it contradicts itself, or a key or subject is malformed.
    func configuration() throws(SettingError) -> AuthConfiguration? {
        guard !isTimeoutOnly else { return nil }
        var auth = AuthConfiguration(
            token: token.map { Secret($0) }, defaultPermissions: try default_permissions.map(Self.permissions),
            anonymousUser: no_auth_user.flatMap { $0.isEmpty ? nil : $0 })
        var names: Set<String> = []
        for user in (self.users ?? []) + (user.map { [User(user: $0, password: password)] } ?? []) {
            let made = try Self.user(user)
            guard names.insert(made.name).inserted else { throw SettingError("there are two users \"\(made.name)\"") }
            auth.users.append(made)
        }
        return auth
    }

    private static func user(_ user: User) throws(SettingError) -> AuthConfiguration.User {
        let permissions = try user.permissions.map(permissions)
        let deadline = try user.connection_deadline.map(deadline)
        switch (user.user, user.password, user.nkey) {
        case (let name?, let password?, nil) where !name.isEmpty && !password.isEmpty:
            return AuthConfiguration.User(name: name, password: Secret(password), permissions: permissions, deadline: deadline)
        case (let name?, nil, nil) where !name.isEmpty:
            return AuthConfiguration.User(certificateName: name, permissions: permissions, deadline: deadline)
        case (nil, nil, let text?):
            do throws(KeyError) {
                return AuthConfiguration.User(key: try UserKey(text), permissions: permissions, deadline: deadline)
            } catch {
                throw SettingError("the nkey \"\(text.prefix(8))…\" \(error)")
            }
        default: throw SettingError("a user has either user and password, or user alone, or nkey")
        }
    }

    private static func deadline(_ text: String) throws(SettingError) -> Timestamp {
        // As Timestamp writes it, or without decimals.
        let full = text.hasSuffix("Z") && text.utf8.count == 20 ? text.dropLast() + ".000000000Z" : text
        guard let time = Timestamp(full) else { throw SettingError("connection_deadline \"\(text)\" is not like 2030-01-31T12:00:00Z") }
        return time
    }

    private static func permissions(_ permissions: Permissions) throws(SettingError) -> UserPermissions {
        UserPermissions(
            publish: try subjects(permissions.publish), subscribe: try subjects(permissions.subscribe),
            responses: permissions.allow_responses?.permission)
    }

    private static func subjects(_ subjects: Subjects?) throws(SettingError) -> SubjectPermission {
        guard let subjects else { return SubjectPermission() }
        return SubjectPermission(allow: try subjects.allow.map(patterns), deny: try patterns(subjects.deny))
    }

    private static func patterns(_ texts: [String]) throws(SettingError) -> [SubjectPattern] {
        var patterns: [SubjectPattern] = []
        for text in texts {
            do throws(SubjectError) {
                patterns.append(try SubjectPattern(text))
            } catch {
                throw SettingError("a permission's subject: \(error)")
            }
        }
        return patterns
    }
}
