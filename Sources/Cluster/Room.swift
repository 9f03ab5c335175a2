/// How many messages wait, and how many bytes of them, beside how many may.
struct Room: Sendable {
    private let messages: Int
    private let bytes: Int
    private var takenMessages = 0
    private var takenBytes = 0

    init(messages: Int, bytes: Int) {
        (self.messages, self.bytes) = (messages, bytes)
    }

    /// Whether there is room for a message of this size; one alone fits whatever its size.
    func fits(_ size: Int) -> Bool {
        takenMessages < messages && (takenMessages == 0 || size <= bytes - takenBytes)
    }

    mutating func take(_ size: Int) {
        takenMessages += 1
        takenBytes += size
    }

    mutating func give(_ size: Int) {
        takenMessages -= 1
        takenBytes -= size
    }
}
