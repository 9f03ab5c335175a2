import RivuletSubscriptions
import RivuletTesting
import RivuletWire
import Testing

@testable import RivuletCluster

struct RetriesTests {
    @Test func aMessageThatHasWaitedHasLessTimeLeft() throws {
        let (time, object) = (ManualTime(), ObjectID(kind: "Tally", id: "a"))
        let retries = Retries(limit: 10, byteLimit: 1 << 20, time: time)
        let message = BusMessage(subject: try Subject("obj.Tally.a.Increase"), headers: ["Rivulet-Timeout": "10000"])
        let parcel = Parcel(message, 1, for: object, at: time.now, patience: .seconds(60))
        #expect(parcel.message(at: time.now).headers["Rivulet-Timeout"] == "10000")
        #expect(retries.add(parcel))
        time.advance(by: .seconds(3))
        var timeouts: [String?] = []
        retries.handOut(object) { timeouts.append($0.message(at: time.now).headers["Rivulet-Timeout"]) }
        #expect(timeouts == ["7000"])
    }
}
