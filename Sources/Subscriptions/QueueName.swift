/// The one place that says which names a queue group may have: those that are one word on a line of the protocol.
package enum QueueName {
    /// - Parameter name: nil, for no queue group, is fine.
    /// - Throws: ``BusError`` `forbidden`.
    package static func check(_ name: String?) throws(BusError) {
        guard let name else { return }
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw BusError(.forbidden, "the name of a queue group is empty, or holds white space or a control character")
        }
    }
}
