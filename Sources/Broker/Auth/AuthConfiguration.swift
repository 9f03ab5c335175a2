public import RivuletSubscriptions
public import RivuletWire

/// Who may connect to a broker, and what they may do.
public struct AuthConfiguration: Sendable, Hashable {
    /// Lets everybody in who knows it, with the default permissions.
    public var token: Secret?
    /// Those who log in by name or key.
    public var users: [User]
    /// What a user may do who has no permissions of their own; nil for everything.
    public var defaultPermissions: UserPermissions?
    /// The name of the user whom clients are taken for that say nothing of who they are; nil if they are refused. Who says something
    /// wrong is refused all the same, and where certificates tell who clients are, nobody is taken for this user. If there is no such
    /// user, nobody is either. nats-server's `no_auth_user`.
    public var anonymousUser: String?

    /// Nobody may connect, until there is a token or a user.
    public init(token: Secret? = nil, users: [User] = [], defaultPermissions: UserPermissions? = nil, anonymousUser: String? = nil) {
        self.token = token
        self.users = users
        self.defaultPermissions = defaultPermissions
        self.anonymousUser = anonymousUser
    }

    /// Somebody who may connect.
    public struct User: Sendable, Hashable {
        /// How users prove who they are.
        public enum Proof: Sendable, Hashable {
            /// By a password.
            case password(Secret)
            /// By signing what the server wrote in INFO with this key.
            case key(UserKey)
            /// By a client certificate that names them, where ``BrokerTLSConfiguration/clientCertificates`` says so, and by nothing else.
            case certificate
        }

        /// The name. Users with a key need none of their own; it is the key's text.
        public var name: String
        /// How they prove who they are.
        public var proof: Proof
        /// What they may do; nil for the default permissions.
        public var permissions: UserPermissions?
        /// When their connections end, and from when on they get no other; nil for never. nats-server's `connection_deadline`.
        public var deadline: Timestamp?

        /// A user with a password.
        public init(name: String, password: Secret, permissions: UserPermissions? = nil, deadline: Timestamp? = nil) {
            self.name = name
            proof = .password(password)
            self.permissions = permissions
            self.deadline = deadline
        }

        /// A user with a key.
        public init(key: UserKey, permissions: UserPermissions? = nil, deadline: Timestamp? = nil) {
            name = key.description
            proof = .key(key)
            self.permissions = permissions
            self.deadline = deadline
        }

        /// A user whom a client certificate names: by an email address, DNS name or URI in its subject alternative names.
        public init(certificateName name: String, permissions: UserPermissions? = nil, deadline: Timestamp? = nil) {
            self.name = name
            proof = .certificate
            self.permissions = permissions
            self.deadline = deadline
        }
    }

    /// All passwords, and the token.
    var secrets: [Secret] {
        let passwords = users.compactMap { user in if case .password(let secret) = user.proof { secret } else { nil } }
        return passwords + [token].compactMap { $0 }
    }
}

/// What a user may publish to and subscribe to.
public struct UserPermissions: Sendable, Hashable {
    /// Where they may publish.
    public var publish: SubjectPermission
    /// What they may subscribe to. A subscription with wildcards is allowed where all it stands for is; what it overlaps with `deny`
    /// is left out when messages are delivered.
    public var subscribe: SubjectPermission
    /// Whether they may answer requests they received, whatever else they may publish to.
    public var responses: ResponsePermission?

    /// Everything, unless said otherwise. Who may answer requests, and is not allowed explicitly to publish anywhere, may do no more
    /// than answer, as in nats-server.
    public init(
        publish: SubjectPermission = SubjectPermission(), subscribe: SubjectPermission = SubjectPermission(),
        responses: ResponsePermission? = nil
    ) {
        self.publish = publish
        self.subscribe = subscribe
        self.responses = responses
    }
}

/// Some of all subjects.
public struct SubjectPermission: Sendable, Hashable {
    /// What is allowed; nil for everything.
    public var allow: [SubjectPattern]?
    /// What is not allowed, also if `allow` has it.
    public var deny: [SubjectPattern]

    /// Everything, unless said otherwise.
    public init(allow: [SubjectPattern]? = nil, deny: [SubjectPattern] = []) {
        self.allow = allow
        self.deny = deny
    }
}

/// How requests may be answered by who may not publish to their reply subjects otherwise. Defaults are nats-server's.
public struct ResponsePermission: Sendable, Hashable {
    /// Most messages in answer to one request; negative for any number.
    public var maximumMessages: Int
    /// How long after the request they may be sent.
    public var expiry: Duration

    /// One message, within two minutes.
    public init(maximumMessages: Int = 1, expiry: Duration = .seconds(120)) {
        self.maximumMessages = maximumMessages
        self.expiry = expiry
    }
}
