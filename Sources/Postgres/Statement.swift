/// SQL with parameters `$1`, `$2` …, which each connection prepares once.
struct Statement: Sendable {
    /// What it is known by in a session.
    let name: String
    let sql: String

    init(_ name: String, _ sql: String) {
        self.name = "rivulet_" + name
        self.sql = sql
    }
}
