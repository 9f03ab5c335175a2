import CLibpq

/// The rows that a statement gave, in binary form. Reading a column as what it is not gives its empty value.
final class Rows {
    private let result: OpaquePointer

    /// Takes over what libpq allocated.
    init(_ result: OpaquePointer) {
        self.result = result
    }

    deinit { PQclear(result) }

    var count: Int { Int(PQntuples(result)) }

    func isNull(_ row: Int, _ column: Int) -> Bool {
        PQgetisnull(result, Int32(row), Int32(column)) == 1
    }

    func int64(_ row: Int, _ column: Int) -> Int64 {
        bytes(row, column).bigEndian(at: 0) ?? 0
    }

    func uint64(_ row: Int, _ column: Int) -> UInt64 {
        UInt64(clamping: int64(row, column))
    }

    func int32(_ row: Int, _ column: Int) -> Int32 {
        bytes(row, column).bigEndian(at: 0) ?? 0
    }

    func bool(_ row: Int, _ column: Int) -> Bool {
        bytes(row, column).first == 1
    }

    func text(_ row: Int, _ column: Int) -> String {
        String(decoding: bytes(row, column), as: UTF8.self)
    }

    func blob(_ row: Int, _ column: Int) -> [UInt8] {
        Array(bytes(row, column))
    }

    /// An array of bigint or integer.
    func int64s(_ row: Int, _ column: Int) -> [Int64] {
        elements(row, column).map { $0.count == 4 ? Int64($0.bigEndian(at: 0) ?? Int32(0)) : $0.bigEndian(at: 0) ?? 0 }
    }

    /// An array of text.
    func texts(_ row: Int, _ column: Int) -> [String] {
        elements(row, column).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The bytes of an array's elements, those of NULL as empty.
    private func elements(_ row: Int, _ column: Int) -> [UnsafeRawBufferPointer] {
        let bytes = bytes(row, column)
        // Dimensions, flags, type, length and first index come first.
        guard let dimensions: Int32 = bytes.bigEndian(at: 0), dimensions == 1, let count: Int32 = bytes.bigEndian(at: 12) else { return [] }
        var elements: [UnsafeRawBufferPointer] = []
        var place = 20
        for _ in 0..<max(0, count) {
            guard let length: Int32 = bytes.bigEndian(at: place), place + 4 + Int(max(0, length)) <= bytes.count else { break }
            elements.append(UnsafeRawBufferPointer(rebasing: bytes[place + 4..<place + 4 + Int(max(0, length))]))
            place += 4 + Int(max(0, length))
        }
        return elements
    }

    /// Valid as long as this is.
    private func bytes(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
        let (row, column) = (Int32(row), Int32(column))
        return UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }
}

extension UnsafeRawBufferPointer {
    /// The number whose bytes begin there; nil when they do not all lie within.
    fileprivate func bigEndian<Number: FixedWidthInteger>(at place: Int) -> Number? {
        guard place >= 0, place + MemoryLayout<Number>.size <= count else { return nil }
        return Number(bigEndian: loadUnaligned(fromByteOffset: place, as: Number.self))
    }
}
