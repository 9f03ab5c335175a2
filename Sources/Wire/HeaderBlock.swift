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
            add(String(decoding: line[..<colon], as: UTF8.self), String(decoding: line[(colon + 1)...], as: UTF8.self))
        }
        throw .invalidHeaders
    }

    /// The header block as it is sent in HPUB and HMSG, the empty line at its end included.
    public func encoded() -> [UInt8] {
        var bytes = Self.version
        if let status {
            bytes.append(UInt8(ascii: " "))
            let code = String(status)
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: Swift.max(0, 3 - code.utf8.count)))
            bytes.append(contentsOf: code.utf8)
            if let statusText {
                bytes.append(UInt8(ascii: " "))
                bytes.append(contentsOf: statusText.utf8)
            }
        }
        bytes.append(contentsOf: [0x0d, 0x0a])
        for (name, value) in self {
            bytes.append(contentsOf: name.utf8)
            bytes.append(contentsOf: [UInt8(ascii: ":"), UInt8(ascii: " ")])
            bytes.append(contentsOf: value.utf8)
            bytes.append(contentsOf: [0x0d, 0x0a])
        }
        bytes.append(contentsOf: [0x0d, 0x0a])
        return bytes
    }

    private mutating func readStatus(_ rest: ArraySlice<UInt8>) throws(WireError) {
        guard let separator = rest.first else { return }
        guard separator == 0x20 || separator == 0x09 else { throw .invalidHeaders }
        let trimmed = rest.trimmingBlanks()
        guard !trimmed.isEmpty else { return }
        let code = trimmed.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        guard code.count == 3, let number = Int(String(decoding: code, as: UTF8.self)) else { throw .invalidHeaders }
        status = number
        statusText = String(decoding: trimmed.dropFirst(3), as: UTF8.self)
    }

    /// The line at `position` without its end, or nil if no line end follows.
    private static func line(of block: [UInt8], from position: inout Int) -> ArraySlice<UInt8>? {
        guard let end = block[position...].firstIndex(of: 0x0a) else { return nil }
        var line = block[position..<end]
        if line.last == 0x0d { line.removeLast() }
        position = end + 1
        return line
    }
}
