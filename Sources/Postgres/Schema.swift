import RivuletBackbone

/// The schema that holds a store, as SQL names it.
struct Schema: Sendable, CustomStringConvertible {
    /// As it was given.
    let name: String
    /// Quoted.
    var description: String { "\"\(name)\"" }

    init(_ name: String) throws(StoreError) {
        let isPlain = name.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || Character(UnicodeScalar($0)).isLetter || Character(UnicodeScalar($0)).isNumber
        }
        guard isPlain, (1...40).contains(name.utf8.count), !name.hasPrefix("pg_") else {
            throw StoreError(
                .unavailable,
                "\"\(name)\" cannot be the schema of a store: it wants 1 to 40 letters, digits and underscores that do not begin with pg_")
        }
        self.name = name
    }
}
