// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

internal import Foundation
public import RivuletBackbone
internal import RivuletSubscriptions

// How what stores take and give travels between a test and its processes: lists of the fields, in order.

extension UnkeyedDecodingContainer {
    fileprivate mutating func next<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value { try decode(type) }

    fileprivate mutating func bytes() throws -> [UInt8] { Array(try decode(Data.self)) }

    fileprivate mutating func subject() throws -> Subject { Subject(received: try decode(String.self).utf8) }
}

extension Encoder {
    fileprivate func list(_ fields: any Encodable...) throws {
        var list = unkeyedContainer()
        for field in fields { try list.encode(field) }
    }
}

extension StoredObject: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(
            state: try list.next(Data?.self).map { Array($0) }, version: try list.next(), ownerEpoch: try list.next(),
            replies: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(state.map { Data($0) }, version, ownerEpoch, replies) }
}

extension StoredReply: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(messageID: try list.next(), payload: try list.bytes(), expires: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(messageID, Data(payload), expires) }
}

extension TurnCommit: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(
            object: try list.next(), ownerEpoch: try list.next(), expectedVersion: try list.next(),
            state: try list.next(Data?.self).map { Array($0) }, events: try list.next(), reply: try list.next())
    }

    public func encode(to encoder: any Encoder) throws {
        try encoder.list(object, ownerEpoch, expectedVersion, state.map { Data($0) }, events, reply)
    }
}

extension NewEvent: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(subject: try list.subject(), payload: try list.bytes())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(subject.description, Data(payload)) }
}

extension TurnOutcome: Codable {
    public init(from decoder: any Decoder) throws {
        let receipt = try decoder.singleValueContainer().decode(CommitReceipt?.self)
        self = receipt.map { .committed($0) } ?? .fenced
    }

    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        if case .committed(let receipt) = self { try value.encode(receipt) } else { try value.encodeNil() }
    }
}

extension CommitReceipt: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(
            streamEpoch: try list.next(), firstSequence: try list.next(), previousSequence: try list.next(), time: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(streamEpoch, firstSequence, previousSequence, time) }
}

extension StreamState: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(epoch: try list.next(), first: try list.next(), last: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(epoch, first, last) }
}

extension EventRead: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(
            stream: try list.next(), from: try list.next(), matching: try list.next(String?.self).map { try SubjectPattern($0) },
            limit: try list.next(), byteLimit: try list.next(), lookLimit: try list.next())
    }

    public func encode(to encoder: any Encoder) throws {
        try encoder.list(stream, from, matching?.description, limit, byteLimit, lookLimit)
    }
}

extension EventPage: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(state: try list.next(), events: try list.next(), looked: try list.next(), pending: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(state, events, looked, pending) }
}

extension StoredEvent: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(
            sequence: try list.next(), previous: try list.next(), subject: try list.subject(), time: try list.next(),
            payload: try list.bytes())
    }

    public func encode(to encoder: any Encoder) throws {
        try encoder.list(sequence, previous, subject.description, time, Data(payload))
    }
}

extension NodeDescription: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(name: try list.next(), address: try list.next(), secret: NodeSecret(try list.next()), status: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(name, address, secret.text, status) }
}

extension ClusterMember: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(node: try list.next(), timeToLive: try list.next(), remaining: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(node, timeToLive, remaining) }
}

extension NodeStatus: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(kinds: try list.next(), activeObjects: try list.next(), isDraining: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(kinds, activeObjects, isDraining) }
}

extension NodeLease: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(node: try list.next(), number: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(node, number) }
}

extension Ownership: Codable {
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        self.init(node: try list.next(), epoch: try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(node, epoch) }
}

extension StoreError: Codable {
    private static let codes: [Code] = [.full, .readOnly, .unavailable, .inUse, .incompatible, .noStream, .unknownOutcome, .closed]

    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        let number: Int = try list.next()
        guard Self.codes.indices.contains(number) else {
            throw DecodingError.dataCorruptedError(in: list, debugDescription: "no code has the number \(number)")
        }
        self.init(Self.codes[number], try list.next())
    }

    public func encode(to encoder: any Encoder) throws { try encoder.list(Self.codes.firstIndex(of: code), message) }
}
