/// The parameters of one statement in PostgreSQL's binary form.
struct Parameters {
    /// The types that are used, by their fixed numbers in PostgreSQL's catalog.
    enum Kind: UInt32 {
        case bytea = 17
        case int8 = 20
        case int4 = 23
        case text = 25
        case byteaArray = 1001
        case int4Array = 1007
        case textArray = 1009
        case int8Array = 1016

        fileprivate var element: Kind {
            switch self {
            case .byteaArray: .bytea
            case .int4Array: .int4
            case .textArray: .text
            default: .int8
            }
        }
    }

    private(set) var kinds: [Kind] = []
    /// Where each value stands in ``bytes``; nil for NULL.
    private(set) var places: [Range<Int>?] = []
    private(set) var bytes: [UInt8] = []

    mutating func add(_ number: Int64) {
        add(.int8) { $0.append(number) }
    }

    mutating func add(_ text: String) {
        add(.text) { $0.bytes.append(contentsOf: text.utf8) }
    }

    mutating func add(optional text: String?) {
        guard let text else {
            kinds.append(.text)
            places.append(nil)
            return
        }
        add(text)
    }

    mutating func add(_ blob: [UInt8]) {
        add(.bytea) { $0.bytes.append(contentsOf: blob) }
    }

    mutating func add(_ numbers: [Int64]) {
        addArray(.int8Array, numbers) { parameters, number in
            parameters.append(Int32(8))
            parameters.append(number)
        }
    }

    mutating func add(_ numbers: [Int32]) {
        addArray(.int4Array, numbers) { parameters, number in
            parameters.append(Int32(4))
            parameters.append(number)
        }
    }

    mutating func add(_ texts: [String]) {
        addArray(.textArray, texts) { parameters, text in
            parameters.append(Int32(truncatingIfNeeded: text.utf8.count))
            parameters.bytes.append(contentsOf: text.utf8)
        }
    }

    /// UTF-8 as text, with nil for NULL.
    mutating func add(texts: [[UInt8]?]) {
        addArray(.textArray, texts) { $0.appendElement($1) }
    }

    mutating func add(blobs: [[UInt8]]) {
        addArray(.byteaArray, blobs) { $0.appendElement($1) }
    }

    // MARK: Bytes

    private mutating func add(_ kind: Kind, _ write: (inout Parameters) -> Void) {
        let start = bytes.count
        write(&self)
        kinds.append(kind)
        places.append(start..<bytes.count)
    }

    private mutating func addArray<Element>(_ kind: Kind, _ elements: [Element], _ write: (inout Parameters, Element) -> Void) {
        add(kind) { parameters in
            // Dimensions, whether there are NULLs (of which the server makes nothing), the elements' type; then length and first index.
            parameters.append(Int32(elements.isEmpty ? 0 : 1))
            parameters.append(Int32(0))
            parameters.append(Int32(bitPattern: kind.element.rawValue))
            guard !elements.isEmpty else { return }
            parameters.append(Int32(truncatingIfNeeded: elements.count))
            parameters.append(Int32(1))
            for element in elements { write(&parameters, element) }
        }
    }

    private mutating func appendElement(_ element: [UInt8]?) {
        guard let element else { return append(Int32(-1)) }
        append(Int32(truncatingIfNeeded: element.count))
        bytes.append(contentsOf: element)
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
