extension Headers {
    private static let version = Array("NATS/1.0".utf8)

    /// Reads a whole header block: `NATS/1.0[ status[ text]]`, CRLF, `name: value` lines ended by CRLF, and an empty line.
    /// A lone LF ends a line as well, as in nats-server's clients.
    ///
    /// - Throws: `.invalidHeaders` if the block is malformed or does not end with the empty line.
    public init(parsing bytes: some Collection<UInt8>) throws(WireError) {
        let block = Array(bytes)
        self.init()
        var position = 0
        guard let first = Self.line(of: block, from: &position), first.starts(with: Self.version) else { throw .invalidHeaders }
        try readStatus(first.dropFirst(Self.version.count))
        while let line = Self.line(of: block, from: &position) {
            if line.isEmpty {
                guard position == block.count else { throw .invalidHeaders }
                return
            }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { throw .invalidHeaders }
            let value = line[(colon + 1)...].trimmingBlanks()
            add(String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
        }
        throw .invalidHeaders
    }

    /// The header block as it is sent in HPUB and HMSG, the empty line at its end included.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encodedCount)
        encode(to: &bytes)
        return bytes
    }

    /// The length of ``encoded()``.
    public var encodedCount: Int {
        var count = Self.version.count + 4
        if let code = statusCode { count += 1 + code.utf8.count + (statusText.map { 1 + $0.utf8.count } ?? 0) }
        for (name, value) in self { count += name.utf8.count + value.utf8.count + 4 }
        return count
    }

    func encode(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: Self.version)
        if let code = statusCode {
            bytes.append(UInt8(ascii: " "))
            bytes.append(contentsOf: code.utf8)
            if let statusText {
                bytes.append(UInt8(ascii: " "))
                bytes.append(contentsOf: statusText.utf8)
            }
        }
        FrameEncoder.lineEnd(to: &bytes)
        for (name, value) in self {
            bytes.append(contentsOf: name.utf8)
            bytes.append(UInt8(ascii: ":"))
            bytes.append(UInt8(ascii: " "))
            bytes.append(contentsOf: value.utf8)
            FrameEncoder.lineEnd(to: &bytes)
        }
        FrameEncoder.lineEnd(to: &bytes)
    }

    /// The status in the three digits that it has at least.
    private var statusCode: String? {
        status.map(String.init).map { String(repeating: "0", count: Swift.max(0, 3 - $0.utf8.count)) + $0 }
    }

    private mutating func readStatus(_ rest: ArraySlice<UInt8>) throws(WireError) {
        guard let separator = rest.first else { return }
        guard separator.isBlank else { throw .invalidHeaders }
        let trimmed = rest.trimmingBlanks()
        guard !trimmed.isEmpty else { return }
        let code = trimmed.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        guard code.count == 3, let number = Int(String(decoding: code, as: UTF8.self)) else { throw .invalidHeaders }
        status = number
        statusText = String(decoding: trimmed.dropFirst(3), as: UTF8.self)
    }

    /// The line at `position` without its end, or nil if no line end follows.
    private static func line(of block: [UInt8], from position: inout Int) -> ArraySlice<UInt8>? {
        let start = position
        guard let end = block[start...].firstIndex(of: 0x0a) else { return nil }
        position = end + 1
        return block[start..<(end > start && block[end - 1] == 0x0d ? end - 1 : end)]
    }
}
