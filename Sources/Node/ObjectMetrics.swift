import RivuletMonitoring
import RivuletObjects

/// What `/metrics` tells about the objects a node hosts.
enum ObjectMetrics {
    static func families(_ statistics: [ObjectStatistics]) -> [MetricFamily] {
        func family(
            _ name: String, _ kind: MetricFamily.Kind, _ help: String, _ value: (ObjectStatistics) -> Double
        ) -> MetricFamily {
            MetricFamily(name, kind, help, statistics.map { .init(value($0), labels: [.init("kind", $0.kind)]) })
        }
        return [
            family("rivulet_objects_active", .gauge, "Objects that are active now.") { Double($0.active) },
            family("rivulet_object_turns_total", .counter, "Messages that objects handled.") { Double($0.turns) },
            family("rivulet_object_errors_total", .counter, "Messages answered by an error.") { Double($0.errors) },
            family("rivulet_object_mailbox_rejections_total", .counter, "Messages refused since too many waited for their object.") {
                Double($0.rejections)
            },
            family("rivulet_object_processing_seconds_total", .counter, "Time it took to handle messages.") {
                $0.processingTime / .seconds(1)
            },
        ]
    }
}
