import RivuletSubscriptions

/// How many bytes the arguments of a control line take, before it is written.
enum ControlLineSize {
    /// - Parameters:
    ///   - headers: The size of the encoded headers, 0 if there are none.
    ///   - total: The size of headers and payload.
    static func publish(_ message: BusMessage, headers: Int, total: Int) -> Int {
        var size = message.subject.utf8.count + 1 + digits(total)
        if let reply = message.reply { size += reply.utf8.count + 1 }
        if headers > 0 { size += digits(headers) + 1 }
        return size
    }

    static func subscribe(_ pattern: SubjectPattern, queue: String?, sid: Int) -> Int {
        pattern.utf8.count + 1 + (queue.map { $0.utf8.count + 1 } ?? 0) + digits(sid)
    }

    private static func digits(_ number: Int) -> Int {
        var (count, rest) = (1, number / 10)
        while rest > 0 {
            count += 1
            rest /= 10
        }
        return count
    }
}
