/// The servers a client may connect to: those it was given, and those of which servers told.
struct ServerPool: Sendable {
    private let given: [ServerAddress]
    private var learned: [ServerAddress] = []

    init(_ given: [ServerAddress]) {
        var unique: [ServerAddress] = []
        for address in given where !unique.contains(address) { unique.append(address) }
        self.given = unique
    }

    /// The `connect_urls` of an INFO; the latest list counts. They are used like the server that told.
    mutating func learn(_ urls: [String], from server: ServerAddress) {
        learned = []
        for address in urls.compactMap({ try? server.sibling(ServerAddress(parsing: $0)) })
        where !given.contains(address) && !learned.contains(address) {
            learned.append(address)
        }
    }

    /// All, in the order in which to try them: the one that was just lost comes last.
    func order(after lost: ServerAddress?) -> [ServerAddress] {
        let all = given + learned
        guard let lost, let index = all.firstIndex(of: lost) else { return all }
        return Array(all[(index + 1)...] + all[...index])
    }

    /// The one of this `host:port`.
    func server(named name: String) -> ServerAddress? {
        (given + learned).first { $0.name == name }
    }

    /// Whether there is anything but this one.
    func hasOther(than address: ServerAddress) -> Bool {
        (given + learned).contains { $0 != address }
    }
}
