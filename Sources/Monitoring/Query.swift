import Hummingbird

/// The parameters of a request; those nobody asks for do not matter.
struct Query {
    /// What the client got wrong, as it is told.
    struct Wrong: Error {
        let message: String
    }

    private let values: [Substring: Substring]

    init(_ request: Request) {
        // nats-server takes the first of several.
        values = Dictionary(request.uri.queryParameters.map { ($0.key, $0.value) }) { first, _ in first }
    }

    /// Text; nil if it is missing or empty.
    func text(_ name: String) -> String? {
        values[name[...]].flatMap { $0.isEmpty ? nil : String($0) }
    }

    /// A number; the default also for one that is not positive.
    func number(_ name: String, default number: Int) throws(Wrong) -> Int {
        guard let text = text(name) else { return number }
        guard let value = Int(text) else { throw Wrong(message: "\(name) is not a number: \(text.prefix(64))") }
        return value > 0 ? value : number
    }

    /// Whether the parameter is 1 or true.
    func flag(_ name: String) -> Bool {
        ["1", "true"].contains(text(name)?.lowercased())
    }
}
