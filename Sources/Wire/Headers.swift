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

    /// The status of a message from the server itself, such as 503 for a request that nobody answers; nil on other messages. Without a
    /// status there is no text either.
    public var status: Int? {
        get { if case .status(let code, _)? = lines.first { code } else { nil } }
        set {
            let text = statusText
            if status != nil { lines.removeFirst() }
            if let newValue { lines.insert(.status(newValue, text), at: 0) }
        }
    }

    /// The words after the status, such as `No Responders`. They can be set once there is a status.
    public var statusText: String? {
        get { if case .status(_, let text)? = lines.first { text } else { nil } }
        set {
            guard let status else { return }
            lines[0] = .status(status, newValue.map(Self.clean(value:)).flatMap { $0.isEmpty ? nil : $0 })
        }
    }

    fileprivate enum Line: Sendable, Hashable {
        case status(Int, String?)
        case header(Entry)

        var header: Entry? { if case .header(let entry) = self { entry } else { nil } }
    }

    /// The status if there is one, then the headers. One word for all, since headers are copied with every message, and few have any.
    private var lines: [Line] = []

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
        get {
            for case .header(let entry) in lines where entry.name == name { return entry.value }
            return nil
        }
        set {
            guard let newValue else { return lines.removeAll { $0.header?.name == name } }
            guard let first = lines.firstIndex(where: { $0.header?.name == name }) else { return add(name, newValue) }
            lines[first] = .header(Entry(name: name, value: Self.clean(value: newValue)))
            let rest = lines[(first + 1)...].filter { $0.header?.name != name }
            lines.replaceSubrange((first + 1)..., with: rest)
        }
    }

    /// Adds a value, after those the name may already have.
    public mutating func add(_ name: String, _ value: String) {
        let name = Self.clean(name: name)
        guard !name.isEmpty else { return }
        lines.append(.header(Entry(name: name, value: Self.clean(value: value))))
    }

    /// All values of `name`, in order.
    public func values(_ name: String) -> [String] {
        lines.compactMap(\.header).filter { $0.name == name }.map(\.value)
    }

    /// Whether there is neither a header nor a status.
    public var isEmpty: Bool { lines.isEmpty }

    /// The number of headers, counting repeated names each time.
    public var count: Int { status == nil ? lines.count : lines.count - 1 }

    // Most are clean, and then need not be written anew.

    private static func clean(name: String) -> String {
        guard name.hasByte(where: { !isNamePart($0) }) else { return name }
        return String(decoding: name.utf8.map { isNamePart($0) ? $0 : UInt8(ascii: "-") }, as: UTF8.self)
    }

    private static func clean(value: String) -> String {
        let bytes = value.utf8
        guard value.hasByte(where: isUnfit) || bytes.first?.isBlank == true || bytes.last?.isBlank == true else { return value }
        return String(decoding: bytes.map { isUnfit($0) ? 0x20 : $0 }[...].trimmingBlanks(), as: UTF8.self)
    }

    private static func isNamePart(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: ":") }

    private static func isUnfit(_ byte: UInt8) -> Bool { byte == 0x0d || byte == 0x0a || byte == 0 }
}

extension Headers: ExpressibleByDictionaryLiteral {
    /// Headers in the order of the literal; a repeated name has several values.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}

extension Headers: Sequence {
    /// The headers in order, without the status.
    public struct Iterator: IteratorProtocol {
        fileprivate var lines: IndexingIterator<[Line]>

        /// The next header.
        public mutating func next() -> (name: String, value: String)? {
            while let line = lines.next() {
                if case .header(let entry) = line { return (entry.name, entry.value) }
            }
            return nil
        }
    }

    /// Iterates the headers in order as `(name, value)`.
    public func makeIterator() -> Iterator { Iterator(lines: lines.makeIterator()) }
}

extension String {
    fileprivate func hasByte(where predicate: (UInt8) -> Bool) -> Bool {
        // Several times as fast as the view itself.
        utf8.withContiguousStorageIfAvailable { $0.contains(where: predicate) } ?? utf8.contains(where: predicate)
    }
}

extension ArraySlice<UInt8> {
    /// Without the spaces and tabs at both ends.
    func trimmingBlanks() -> ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !$0.isBlank }), let last = lastIndex(where: { !$0.isBlank }) else { return self[endIndex...] }
        return self[first...last]
    }
}
