extension Headers {
    /// What the headers of a durable event say, live and read back alike: where it stands in its stream.
    ///
    /// - Parameter previous: The sequence of the same object's event before it; 0 for the first.
    public static func event(stream: String, position: Position, previous: UInt64, time: Timestamp) -> Headers {
        var headers = Headers()
        headers.add(HeaderName.stream, stream)
        headers.add(HeaderName.sequence, String(position.sequence))
        headers.add(HeaderName.timeStamp, time.description)
        headers.add(HeaderName.epoch, position.epoch)
        headers.add(HeaderName.previous, String(previous))
        return headers
    }
}
