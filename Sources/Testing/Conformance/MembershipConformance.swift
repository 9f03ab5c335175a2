import RivuletBackbone

/// What every ``Membership`` must do.
public enum MembershipConformance {
    /// The checks, each for a fixture of its own.
    public static let all: [ConformanceCheck<ClusterFixture>] = [
        ConformanceCheck("nodes that joined are members, by name, until they leave") { fixture in
            try await fixture.expectMembers([])
            let (b, a) = (try await fixture.join("b"), try await fixture.join("a"))
            try await fixture.expectMembers(["a", "b"])
            try await fixture.backbone.leave(b)
            try await fixture.expectMembers(["a"])
            try expect("whether the lease that was left is renewed", try await fixture.backbone.renew(b, status: NodeStatus()), is: false)
            try expect("whether the other lease is renewed", try await fixture.backbone.renew(a, status: NodeStatus()), is: true)
        },
        ConformanceCheck("a node is described as it described itself when it joined last") { fixture in
            var node = NodeDescription(name: "a", address: "10.0.0.1:4222", secret: NodeSecret("first"))
            _ = try await fixture.backbone.join(node, timeToLive: .seconds(60))
            try await fixture.expectMembers(described: [node])
            node.address = "[::1]:4333"
            node.secret = NodeSecret("sécond")
            _ = try await fixture.backbone.join(node, timeToLive: .seconds(60))
            try await fixture.expectMembers(described: [node])
        },
        ConformanceCheck("what a node tells of itself is known to others, as it was when it last joined or renewed") { fixture in
            var node = NodeDescription(
                name: "a", address: "a:1", status: NodeStatus(kinds: ["Table", "a kind", "ärger.%*"], activeObjects: 7))
            let other = NodeDescription(name: "b", address: "b:1")
            let lease = try await fixture.backbone.join(node, timeToLive: .seconds(3))
            _ = try await fixture.backbone.join(other, timeToLive: .seconds(60))
            try await fixture.expectMembers(described: [node, other])
            try await fixture.pass(.seconds(2))
            node.status = NodeStatus(kinds: ["Table"], activeObjects: 1 << 40, isDraining: true)
            _ = try await fixture.backbone.renew(lease, status: node.status)
            try await fixture.expectMembers(described: [node, other])
            try await fixture.pass(.seconds(3))
            let isRenewed = try await fixture.backbone.renew(lease, status: NodeStatus())
            try expect("whether the ended lease is renewed", isRenewed, is: false)
            node.status = NodeStatus()
            _ = try await fixture.backbone.join(node, timeToLive: .seconds(60))
            try await fixture.expectMembers(described: [node, other])
        },
        ConformanceCheck("a lease ends when its time is over") { fixture in
            let lease = try await fixture.join("a", for: .seconds(2))
            _ = try await fixture.join("b", for: .seconds(60))
            try await fixture.pass(.seconds(1))
            try await fixture.expectMembers(["a", "b"])
            try await fixture.pass(.seconds(1))
            try await fixture.expectMembers(["b"])
            try expect("whether the ended lease is renewed", try await fixture.backbone.renew(lease, status: NodeStatus()), is: false)
            try await fixture.expectMembers(["b"])
        },
        ConformanceCheck("a lease that is renewed in time goes on for as long as it was granted") { fixture in
            let lease = try await fixture.join("a", for: .seconds(3))
            for _ in 0..<3 {
                try await fixture.pass(.seconds(2))
                try expect("whether the lease is renewed", try await fixture.backbone.renew(lease, status: NodeStatus()), is: true)
            }
            try await fixture.pass(.seconds(3))
            try expect("whether the ended lease is renewed", try await fixture.backbone.renew(lease, status: NodeStatus()), is: false)
        },
        ConformanceCheck("how long a lease was granted for, and how much of it is left, is told on the store's clock") { fixture in
            let lease = try await fixture.join("a", for: .seconds(3600))
            _ = try await fixture.join("b", for: .milliseconds(7_200_500))
            try await fixture.pass(.seconds(1200))
            // A clock may have gone on by itself.
            func expectRemaining(_ wanted: [Duration]) async throws {
                let members = try await fixture.backbone.members()
                try expect("the leases' times", members.map(\.timeToLive), is: [.seconds(3600), .milliseconds(7_200_500)])
                for (member, wanted) in zip(members, wanted) {
                    let isRight = (wanted - .seconds(300)...wanted).contains(member.remaining)
                    try expect(isRight, "\(wanted) should be left of \(member.node.name)'s lease, and it is \(member.remaining)")
                }
            }
            try await expectRemaining([.seconds(2400), .milliseconds(6_000_500)])
            _ = try await fixture.backbone.renew(lease, status: NodeStatus())
            try await expectRemaining([.seconds(3600), .milliseconds(6_000_500)])
        },
        ConformanceCheck("a node that joins again has another lease, and the first is void") { fixture in
            let first = try await fixture.join("a")
            let second = try await fixture.join("a")
            try expect(first != second, "a second lease should not be equal to the first")
            try expect("whether the first lease is renewed", try await fixture.backbone.renew(first, status: NodeStatus()), is: false)
            try await fixture.backbone.leave(first)
            try await fixture.expectMembers(["a"])
            try expect("whether the second lease is renewed", try await fixture.backbone.renew(second, status: NodeStatus()), is: true)
        },
    ]
}
