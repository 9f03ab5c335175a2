extension Headers {
    /// The headers of a live event.
    static func event(stream: String, position: Position, previous: UInt64, time: Timestamp) -> Headers {
        var headers = Headers()
        headers.add(HeaderName.stream, stream)
        headers.add(HeaderName.sequence, String(position.sequence))
        headers.add(HeaderName.timeStamp, time.description)
        headers.add(HeaderName.epoch, position.epoch)
        headers.add(HeaderName.previous, String(previous))
        return headers
    }
}
