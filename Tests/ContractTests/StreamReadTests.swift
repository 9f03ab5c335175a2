import Testing

@testable import RivuletContract

@Suite struct StreamReadTests {
    private let inbox = Subject(received: "_INBOX.x.1".utf8)
    private let position = Position(epoch: "f00d", sequence: 12)

    @Test func anEventReadBackIsTheEventWithItsPlace() throws {
        let subject = try ObjectSubject.event(ObjectID(kind: "Game Table", id: "a.b/♠"), name: "Hit")
        let time = Timestamp(nanoseconds: 1_700_000_000_123_456_789)
        let message = StreamRead.event(
            to: inbox, stream: "Game Table", subject: subject, position: position, previous: 9, time: time, payload: [123, 125],
            pending: 3, after: 11)
        #expect(message.subject == inbox)
        #expect(message.headers["Nats-Subject"] == subject.description)
        #expect(message.headers["Nats-Num-Pending"] == "3")
        #expect(message.headers["Nats-Last-Sequence"] == "11")
        #expect(message.headers["Nats-Stream"] == "Game Table")
        let event = try #require(EventEnvelope(read: message))
        #expect(event.object == ObjectID(kind: "Game Table", id: "a.b/♠"))
        #expect(event.name == "Hit")
        #expect(event.position == position)
        #expect(event.previous == 9)
        #expect(event.time == time)
        #expect(event.payload == [123, 125])
        #expect(StreamReadAnswer(message) == .event(event))
    }

    @Test func theEndOfABatchTellsHowFarItLooked() {
        let message = StreamRead.end(to: inbox, pending: 5, looked: position)
        #expect(message.headers.status == 204)
        #expect(message.headers.statusText == "EOB")
        #expect(StreamReadAnswer(message) == .end(pending: 5, looked: position))
    }

    @Test func refusalsAreToldApart() {
        #expect(StreamReadAnswer(StreamRead.notFound(to: inbox)) == .noStream)
        #expect(StreamReadAnswer(StreamRead.badRequest(to: inbox)) == .refused(408, "Bad Request"))
        #expect(StreamReadAnswer(BusMessage(subject: inbox, headers: .status(503))) == .refused(503, ""))
        #expect(StreamReadAnswer(BusMessage(subject: inbox, headers: .status(204, "EOB"))) == .malformed)
        #expect(StreamReadAnswer(BusMessage(subject: inbox)) == .malformed)
    }

    @Test func requestsAreThoseOfJetStream() throws {
        let request = StreamReadRequest(sequence: 7, subject: "evt.K.>", batch: 256, maximumBytes: 1024)
        let json = try JSONPayload.encode(request)
        #expect(try JSONPayload.decode(StreamReadRequest.self, from: json) == request)
        let stock = Array(#"{"seq":7,"next_by_subj":"evt.K.>","batch":256,"max_bytes":1024,"no_hdr":false}"#.utf8)
        #expect(try JSONPayload.decode(StreamReadRequest.self, from: stock) == request)
        #expect(try JSONPayload.decode(StreamReadRequest.self, from: Array(#"{"seq":1}"#.utf8)).batch == nil)
    }

    @Test func aStreamsSubjectNamesIt() throws {
        #expect(try StreamRead.subject(stream: "GameTable").description == "$JS.API.DIRECT.GET.GameTable")
        #expect(StreamRead.stream(of: try StreamRead.subject(stream: "a b.c")) == "a b.c")
        #expect(StreamRead.stream(of: Subject(received: "$JS.API.DIRECT.GET.a.b".utf8)) == nil)
        #expect(StreamRead.stream(of: Subject(received: "other".utf8)) == nil)
    }

    @Test(arguments: [
        ["Nats-Sequence": "0"], ["Nats-Sequence": "-1"], ["Rivulet-Previous": "12"], ["Nats-Time-Stamp": "yesterday"],
        ["Nats-Sequence": "99999999999999999999999"],
    ])
    func aMessageWithStrangeHeadersIsNoEvent(change: [String: String]) throws {
        var message = StreamRead.event(
            to: inbox, stream: "K", subject: try Subject("evt.K.1.E"), position: position, previous: 1, time: Timestamp(nanoseconds: 0),
            payload: [], pending: 0, after: 0)
        for (name, value) in change { message.headers[name] = value }
        #expect(EventEnvelope(read: message) == nil)
    }
}
