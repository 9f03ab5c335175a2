import RivuletSubscriptions

/// What one user may do, ready to be asked.
struct Grant: Sendable {
    private let publish: SubjectRule
    private let subscribe: SubjectRule
    let responses: ResponsePermission?

    init(_ permissions: UserPermissions) {
        var permissions = permissions
        if permissions.responses != nil, permissions.publish.allow == nil { permissions.publish.allow = [] }
        publish = SubjectRule(permissions.publish)
        subscribe = SubjectRule(permissions.subscribe)
        responses = permissions.responses
    }

    func allows(_ use: Permissions.Use, _ subject: some Collection<UInt8>) -> Bool {
        switch use {
        case .publish: publish.allows(subject: subject)
        case .subscribe: subscribe.allows(pattern: subject)
        case .receive: subscribe.allows(subject: subject)
        }
    }

    /// Whether what the process answers may be sent to this subject. Who may subscribe to everything is not thereby allowed to have
    /// messages sent to everything.
    func allowsReply(at subject: some Collection<UInt8>) -> Bool {
        if publish.allows(subject: subject) { return true }
        return subscribe.allows(subject: subject) && (subscribe.hasAllowList || subject.starts(with: "_INBOX.".utf8))
    }
}

/// Allowed and denied subjects.
private struct SubjectRule: Sendable {
    private let allow: PatternSet?
    private let deny: PatternSet

    init(_ permission: SubjectPermission) {
        allow = permission.allow.map { PatternSet($0) }
        deny = PatternSet(permission.deny)
    }

    var hasAllowList: Bool { allow != nil }

    /// Whether all that the pattern stands for is allowed, and not all of it denied.
    func allows(pattern: some Collection<UInt8>) -> Bool {
        allow?.covers(pattern) != false && !deny.covers(pattern)
    }

    /// Whether this one subject is allowed. Wildcards in it stand for themselves.
    func allows(subject: some Collection<UInt8>) -> Bool {
        allow?.matches(subject) != false && !deny.matches(subject)
    }
}
