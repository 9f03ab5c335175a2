package import Foundation
package import RivuletBackbone
package import RivuletSubscriptions

/// What a test asks of a store that another process has open.
package enum StoreCall: Codable, Sendable {
    case load(ObjectID)
    case commit([TurnCommit])
    case open(String)
    case state(String)
    case read(EventRead)
    case heads
    case doorbell
    case join(NodeDescription, timeToLive: Duration)
    case renew(NodeLease, NodeStatus)
    case leave(NodeLease)
    case members
    case claim(ObjectID, NodeLease)
    case claimForNode(ObjectID, String)
    case owner(ObjectID)
    case release(ObjectID, Ownership)
    case send(Data, String)
    case batches(String)
    /// Ends the doorbell or the batches that the call with the number asked for.
    case end(Int)
}

/// A line to the process.
package struct StoreRequest: Codable, Sendable {
    package let number: Int
    /// What the time is when it is asked.
    package let now: Duration
    package let wallTime: Timestamp
    package let call: StoreCall

    package init(number: Int, now: Duration, wallTime: Timestamp, call: StoreCall) {
        (self.number, self.now, self.wallTime, self.call) = (number, now, wallTime, call)
    }
}

/// A line from the process. A doorbell and batches have many, of which the first says that there are more to come.
package struct StoreAnswer: Codable, Sendable {
    package let number: Int
    package let value: Data
    package let error: StoreError?

    package init(number: Int, value: Data = Data(), error: StoreError? = nil) {
        (self.number, self.value, self.error) = (number, value, error)
    }
}
