/// A type of objects that a host serves.
struct Kind<Object: ServiceObject>: Sendable {
    let name = Object.kind
    let handlers = Object.handlers
    let configuration = Object.configuration
    let statistics = KindStatistics()

    var isPersistent: Bool { configuration.persistence == .everyTurn }

    func unknown(_ message: String) -> CallError {
        let known = handlers.names.joined(separator: ", ")
        return CallError(.unknown, "\(name) has no message \"\(message)\"; it answers \(known)")
    }
}
