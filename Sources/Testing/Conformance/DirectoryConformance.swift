import RivuletBackbone
import RivuletSubscriptions

/// What every ``Directory`` must do, together with the ``Membership`` it trusts and the ``ObjectStore`` it fences.
public enum DirectoryConformance {
    private static let ann = ObjectID(kind: "Player", id: "ann")
    /// A prime, so that its multiples come in an order of their own.
    private static let many = 701

    private static func object(_ number: Int) -> ObjectID { ObjectID(kind: "Player", id: "\(number)") }

    /// The checks, each for a fixture of its own.
    public static let all: [ConformanceCheck<ClusterFixture>] = claims + manyAtOnce + fences

    private static let claims: [ConformanceCheck<ClusterFixture>] = [
        ConformanceCheck("nobody owns an object until a node claims it") { fixture in
            try expect("the owner", try await fixture.backbone.owner(of: ann), is: nil)
            let lease = try await fixture.join("a")
            let ownership = try await fixture.backbone.claim(ann, for: lease)
            try expect("the owner's name", ownership.node, is: "a")
            try expect(ownership.epoch > 0, "the epoch of a claimed object should be above 0")
            try expect("the owner", try await fixture.backbone.owner(of: ann), is: ownership)
            try expect("a claim by the owner", try await fixture.backbone.claim(ann, for: lease), is: ownership)
        },
        ConformanceCheck("a claim of what another node owns says who that is") { fixture in
            let ownership = try await fixture.backbone.claim(ann, for: try await fixture.join("a"))
            let other = try await fixture.join("b")
            try expect("the claim's answer", try await fixture.backbone.claim(ann, for: other), is: ownership)
            let bob = ObjectID(kind: "Player", id: "bob")
            try expect("the owner of another object", try await fixture.backbone.claim(bob, for: other).node, is: "b")
        },
        ConformanceCheck("an object whose owner's lease is gone can be claimed, under a higher epoch") { fixture in
            let first = try await fixture.join("a", for: .seconds(2))
            let old = try await fixture.backbone.claim(ann, for: first)
            let second = try await fixture.join("b", for: .seconds(60))
            try await fixture.pass(.seconds(2))
            try expect("the owner", try await fixture.backbone.owner(of: ann), is: nil)
            let new = try await fixture.backbone.claim(ann, for: second)
            try expect("the new owner", new.node, is: "b")
            try expect(new.epoch > old.epoch, "the epoch should rise with the owner, and went from \(old.epoch) to \(new.epoch)")
        },
        ConformanceCheck("a node that joins again has lost what it owned") { fixture in
            let old = try await fixture.backbone.claim(ann, for: try await fixture.join("a"))
            let lease = try await fixture.join("a")
            try expect("the owner", try await fixture.backbone.owner(of: ann), is: nil)
            let new = try await fixture.backbone.claim(ann, for: lease)
            try expect(new.epoch > old.epoch, "the epoch should rise, and went from \(old.epoch) to \(new.epoch)")
        },
        ConformanceCheck("a node whose lease has ended cannot claim") { fixture in
            let lease = try await fixture.join("a", for: .seconds(1))
            try await fixture.pass(.seconds(1))
            try await expectError(.unavailable, "a claim for a lease that has ended") {
                _ = try await fixture.backbone.claim(ann, for: lease)
            }
        },
        ConformanceCheck("an object that was given up can be claimed; giving up what one does not own does nothing") { fixture in
            let (a, b) = (try await fixture.join("a"), try await fixture.join("b"))
            let first = try await fixture.backbone.claim(ann, for: a)
            try await fixture.backbone.release(ann, first)
            try expect("the owner", try await fixture.backbone.owner(of: ann), is: nil)
            let second = try await fixture.backbone.claim(ann, for: b)
            try expect("the new owner", second.node, is: "b")
            try await fixture.backbone.release(ann, first)
            try await fixture.backbone.release(ann, Ownership(node: "a", epoch: second.epoch))
            try expect("the owner", try await fixture.backbone.owner(of: ann), is: second)
        },
        ConformanceCheck("an object can be claimed for another node, which then has it as if it had claimed it itself") { fixture in
            let (a, b) = (try await fixture.join("a"), try await fixture.join("b", for: .seconds(60)))
            try expect("a claim for nobody", try await fixture.backbone.claim(ann, for: "c"), is: nil)
            let ownership = try await fixture.backbone.claim(ann, for: "a")
            try expect("the owner's name", ownership?.node, is: "a")
            try expect("the owner", try await fixture.backbone.owner(of: ann), is: ownership)
            try expect("a claim by the owner", try await fixture.backbone.claim(ann, for: a), is: ownership)
            try expect("a claim by another node", try await fixture.backbone.claim(ann, for: b), is: ownership)
            try expect("a claim for another node", try await fixture.backbone.claim(ann, for: "b"), is: ownership)
            try expect("a claim for a node that is not there", try await fixture.backbone.claim(ann, for: "c"), is: ownership)
            try await fixture.pass(.seconds(5))
            try expect("a claim for a node whose lease has ended", try await fixture.backbone.claim(ann, for: "a"), is: nil)
            let next = try await fixture.backbone.claim(ann, for: "b")
            try expect("the new owner's name", next?.node, is: "b")
            try expect((next?.epoch ?? 0) > (ownership?.epoch ?? 0), "the epoch should rise with the owner")
        },
        ConformanceCheck("of many claims at once one wins, and all learn which") { fixture in
            let answers = try await withThrowingTaskGroup(of: Ownership.self) { group in
                for number in 0..<16 {
                    group.addTask { try await fixture.backbone.claim(ann, for: try await fixture.join("node\(number)")) }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            try expect("the number of owners", answers.count, is: 1)
        },
    ]

    private static let manyAtOnce: [ConformanceCheck<ClusterFixture>] = [
        ConformanceCheck("of many objects that several nodes claim at once, each has one owner, and all learn which") { fixture in
            let leases = [try await fixture.join("a"), try await fixture.join("b"), try await fixture.join("c")]
            let answers = try await withThrowingTaskGroup(of: (ObjectID, Ownership?).self) { group in
                for (number, lease) in leases.enumerated() {
                    // One in three for another node.
                    for step in 0..<many {
                        let object = object(step * (2 * number + 1) % many)
                        let other = leases[(number + 1) % leases.count].node
                        group.addTask {
                            step % 3 == 0
                                ? (object, try await fixture.backbone.claim(object, for: other))
                                : (object, try await fixture.backbone.claim(object, for: lease))
                        }
                    }
                }
                return try await group.reduce(into: [ObjectID: Set<Ownership?>]()) { $0[$1.0, default: []].insert($1.1) }
            }
            try expect("the number of objects", answers.count, is: many)
            for (object, owners) in answers {
                try expect("the number of \(object)'s owners", owners.count, is: 1)
                try expect("\(object)'s owner", try await fixture.backbone.owner(of: object), is: owners.first ?? nil)
            }
        },
        ConformanceCheck("of claims at once some may fail, and the others do not") { fixture in
            let ended = try await fixture.join("a", for: .seconds(1))
            let taken = try await fixture.backbone.claim(object(0), for: try await fixture.join("d", for: .seconds(60)))
            try await fixture.pass(.seconds(1))
            let lease = try await fixture.join("b")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<many {
                    group.addTask {
                        let object = object(number)
                        switch number % 3 {
                        case 0:
                            let owner = try await fixture.backbone.claim(object, for: lease)
                            try expect("who has \(object)", owner.node, is: number == 0 ? "d" : "b")
                        case 1:
                            try await expectError(.unavailable, "a claim for a lease that has ended") {
                                _ = try await fixture.backbone.claim(object, for: ended)
                            }
                        default: try expect("a claim for nobody", try await fixture.backbone.claim(object, for: "c"), is: nil)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try expect("the owner of what was taken before", try await fixture.backbone.owner(of: object(0)), is: taken)
            for number in 1..<many {
                let owner = try await fixture.backbone.owner(of: object(number))
                try expect("the owner of \(object(number))", owner?.node, is: number % 3 == 0 ? "b" : nil)
            }
        },
        ConformanceCheck("many objects can be given up at once, while others are claimed") { fixture in
            let (a, b) = (try await fixture.join("a"), try await fixture.join("b"))
            let owners = try await withThrowingTaskGroup(of: (Int, Ownership).self) { group in
                for number in 0..<many { group.addTask { (number, try await fixture.backbone.claim(object(number), for: a)) } }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            let claimed = try await withThrowingTaskGroup(of: Ownership?.self) { group in
                for (number, owner) in owners {
                    // One in three was given up under an epoch that is not the current one.
                    let given = number % 3 == 0 ? Ownership(node: owner.node, epoch: owner.epoch + 1) : owner
                    group.addTask {
                        try await fixture.backbone.release(object(number), given)
                        return nil
                    }
                    group.addTask { try await fixture.backbone.claim(object(many + number), for: b) }
                }
                return try await group.reduce(into: [Ownership]()) { if let owner = $1 { $0.append(owner) } }
            }
            try expect("the number of objects claimed meanwhile", claimed.filter { $0.node == "b" }.count, is: many)
            for (number, owner) in owners {
                try expect(
                    "the owner of \(object(number))", try await fixture.backbone.owner(of: object(number)),
                    is: number % 3 == 0 ? owner : nil)
            }
        },
    ]

    private static let fences: [ConformanceCheck<ClusterFixture>] = [
        ConformanceCheck("turns commit under the present epoch, and are fenced under an older one") { fixture in
            let old = try await fixture.backbone.claim(ann, for: try await fixture.join("a", for: .seconds(2)))
            try expect("the stored epoch", try await fixture.backbone.load(ann).ownerEpoch, is: old.epoch)
            let first = try await fixture.commit(ann, version: 0, old)
            try expect(first != .fenced, "the owner's turn should commit, and was fenced")

            try await fixture.pass(.seconds(2))
            let new = try await fixture.backbone.claim(ann, for: try await fixture.join("b"))
            let stored = StoredObject(state: Array("\"a\"".utf8), version: 1, ownerEpoch: new.epoch)
            try expect("what is stored", try await fixture.backbone.load(ann), is: stored)
            try expect("the outcome of the former owner's turn", try await fixture.commit(ann, version: 1, old), is: .fenced)
            let last = try await fixture.commit(ann, version: 1, new)
            try expect(last != .fenced, "the new owner's turn should commit, and was fenced")
        }
    ]
}
