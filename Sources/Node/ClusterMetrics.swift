import RivuletCluster
import RivuletMonitoring

/// What `/metrics` tells about a node's part in its cluster.
enum ClusterMetrics {
    static func families(_ node: NodeInCluster) -> [MetricFamily] {
        let counts = node.ownership.statistics
        let changes = node.watch.counts
        func family(_ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: Int) -> MetricFamily {
            MetricFamily(name, kind, help, [.init(Double(value))])
        }
        return [
            family("rivulet_cluster_other_nodes", .gauge, "Other nodes that are seen now.", node.watch.members.count),
            family("rivulet_cluster_lease_held", .gauge, "Whether the node has its place in the cluster.", node.isServing ? 1 : 0),
            MetricFamily(
                "rivulet_cluster_member_changes_total", .counter, "What became of other nodes.",
                MemberChange.Kind.allCases.map { .init(Double(changes[$0] ?? 0), labels: [.init("change", $0.rawValue)]) }),
            family("rivulet_cluster_forwarded_total", .counter, "Messages handed on to other nodes.", counts.forwarded),
            family("rivulet_cluster_forward_failures_total", .counter, "Of these, those that no node took.", counts.failed),
        ]
    }
}
