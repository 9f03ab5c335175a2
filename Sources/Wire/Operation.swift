/// The name of an operation at the start of a control line.
struct Operation {
    enum Name {
        case connect, info, pub, hpub, sub, unsub, msg, hmsg, ping, pong, ok, err
    }

    let name: Name
    /// The offset of the byte after the name, which is a blank or a line end.
    let end: Int

    /// Reads the name at `offset`; nil if the bytes end before it does.
    ///
    /// - Throws: `.unknownProtocolOperation` if no operation has this name.
    init?(in bytes: borrowing Span<UInt8>, at offset: Int) throws(WireError) {
        var spelled: UInt64 = 0
        var index = offset
        while true {
            guard index < bytes.count else { return nil }
            let byte = bytes[index]
            if byte <= 0x20 { break }
            guard index - offset < Self.longestName else { throw .unknownProtocolOperation }
            spelled = spelled << 8 | UInt64(byte | 0x20)
            index += 1
        }
        guard let name = Self.name(spelled) else { throw .unknownProtocolOperation }
        self.name = name
        end = index
    }

    private static let longestName = 7

    /// The operation whose name in lower-case ASCII is these bytes.
    private static func name(_ spelled: UInt64) -> Name? {
        switch spelled {
        case 0x70_75_62: .pub
        case 0x68_70_75_62: .hpub
        case 0x73_75_62: .sub
        case 0x75_6e_73_75_62: .unsub
        case 0x6d_73_67: .msg
        case 0x68_6d_73_67: .hmsg
        case 0x70_69_6e_67: .ping
        case 0x70_6f_6e_67: .pong
        case 0x63_6f_6e_6e_65_63_74: .connect
        case 0x69_6e_66_6f: .info
        case 0x2b_6f_6b: .ok
        case 0x2d_65_72_72: .err
        default: nil
        }
    }
}
