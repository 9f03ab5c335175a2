/// The headers of a message: names and values in order, names possibly repeated, and an optional status line.
///
/// Names keep their case and are looked up by exact case (NATS ADR-4). Whatever is stored can be written and read back
/// unchanged; to make that so, names and values are cleaned when they are set, and nothing can inject a header:
/// in values CR, LF and NUL become spaces and white space around the value is dropped; in names every character that is not
/// visible ASCII, and the colon, becomes `-`. An entry with an empty name is not added.
public struct Headers: Sendable, Hashable {
    /// One header.
    public struct Entry: Sendable, Hashable {
        /// The name, in the case it was given.
        public let name: String
        /// The value, without white space around it.
        public let value: String
    }

    /// The status of a message from the server itself, such as 503 for a request that nobody answers; nil on other messages.
    public var status: Int?
    /// The words after the status, such as `No Responders`.
    public var statusText: String? {
        get { storedStatusText }
        set { storedStatusText = newValue.map(Self.clean(value:)).flatMap { $0.isEmpty ? nil : $0 } }
    }

    private var storedStatusText: String?
    private var entries: [Entry] = []

    /// No headers and no status.
    public init() {}

    /// Headers of a status message.
    public static func status(_ code: Int, _ text: String = "") -> Headers {
        var headers = Headers()
        headers.status = code
        headers.statusText = text
        return headers
    }

    /// The first value of `name`. Setting replaces all values of the name by one, in the place of the first; setting nil
    /// removes them.
    public subscript(name: String) -> String? {
        get { entries.first { $0.name == name }?.value }
        set {
            guard let newValue else { return entries.removeAll { $0.name == name } }
            guard let first = entries.firstIndex(where: { $0.name == name }) else { return add(name, newValue) }
            entries[first] = Entry(name: name, value: Self.clean(value: newValue))
            let rest = entries[(first + 1)...].filter { $0.name != name }
            entries.replaceSubrange((first + 1)..., with: rest)
        }
    }

    /// Adds a value, after those the name may already have.
    public mutating func add(_ name: String, _ value: String) {
        let name = Self.clean(name: name)
        guard !name.isEmpty else { return }
        entries.append(Entry(name: name, value: Self.clean(value: value)))
    }

    /// All values of `name`, in order.
    public func values(_ name: String) -> [String] {
        entries.filter { $0.name == name }.map(\.value)
    }

    /// Whether there is neither a header nor a status.
    public var isEmpty: Bool { entries.isEmpty && status == nil }

    /// The number of headers, counting repeated names each time.
    public var count: Int { entries.count }

    private static func clean(name: String) -> String {
        String(decoding: name.utf8.map { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") ? $0 : UInt8(ascii: "-") }, as: UTF8.self)
    }

    private static func clean(value: String) -> String {
        let bytes = value.utf8.map { $0 == 0x0d || $0 == 0x0a || $0 == 0 ? 0x20 : $0 }
        return String(decoding: bytes[...].trimmingBlanks(), as: UTF8.self)
    }
}

extension Headers: ExpressibleByDictionaryLiteral {
    /// Headers in the order of the literal; a repeated name has several values.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}

extension Headers: Sequence {
    /// Iterates the headers in order as `(name, value)`.
    public func makeIterator() -> some IteratorProtocol<(name: String, value: String)> {
        entries.lazy.map { (name: $0.name, value: $0.value) }.makeIterator()
    }
}

extension ArraySlice<UInt8> {
    /// Without the spaces and tabs at both ends.
    func trimmingBlanks() -> ArraySlice<UInt8> {
        var slice = self
        while let byte = slice.first, byte == 0x20 || byte == 0x09 { slice.removeFirst() }
        while let byte = slice.last, byte == 0x20 || byte == 0x09 { slice.removeLast() }
        return slice
    }
}
