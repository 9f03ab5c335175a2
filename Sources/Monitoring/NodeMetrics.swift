import Metrics
import RivuletBroker
import RivuletSubscriptions

/// What `/metrics` tells besides what was measured through swift-metrics: read when it is asked for, so that it costs nothing before.
enum NodeMetrics {
    static func families(_ broker: Broker) -> [MetricFamily] {
        let statistics = broker.statistics
        let usage = ProcessUsage.now()
        var families = [
            MetricFamily("rivulet_connections", .gauge, "Client connections now.", statistics.connections),
            MetricFamily("rivulet_connections_total", .counter, "Client connections since the start.", statistics.totalConnections),
            MetricFamily("rivulet_subscriptions", .gauge, "Subscriptions now, those in the process included.", statistics.subscriptions),
            MetricFamily("rivulet_in_messages_total", .counter, "Messages published.", statistics.inMessages),
            MetricFamily("rivulet_in_bytes_total", .counter, "Bytes of headers and payload published.", statistics.inBytes),
            MetricFamily("rivulet_out_messages_total", .counter, "Messages delivered.", statistics.outMessages),
            MetricFamily("rivulet_out_bytes_total", .counter, "Bytes of headers and payload delivered.", statistics.outBytes),
            MetricFamily("rivulet_pending_bytes", .gauge, "Bytes that wait for clients to read them.", statistics.pendingBytes),
            MetricFamily(
                "rivulet_relayed_out_messages_total", .counter, "Messages handed to other nodes.", statistics.relayedOutMessages),
            MetricFamily(
                "rivulet_relayed_out_bytes_total", .counter, "Bytes of headers and payload handed to other nodes.",
                statistics.relayedOutBytes),
            MetricFamily(
                "rivulet_relayed_in_messages_total", .counter, "Messages that came from other nodes.", statistics.relayedInMessages),
            MetricFamily(
                "rivulet_relayed_in_bytes_total", .counter, "Bytes of headers and payload that came from other nodes.",
                statistics.relayedInBytes),
            MetricFamily(
                "rivulet_relayed_dropped_total", .counter, "Messages for other nodes that were dropped.", statistics.relayedDropped),
            MetricFamily(
                "rivulet_slow_consumers_total", .counter, "Connections cut since they read too slowly.", statistics.slowConsumers),
            MetricFamily("process_resident_memory_bytes", .gauge, "Resident memory.", usage.residentMemory),
            MetricFamily(
                "process_cpu_seconds_total", .counter, "Processor time used.", [MetricFamily.Sample(usage.processorTime)]),
            MetricFamily(
                "process_start_time_seconds", .gauge, "When the node was made, in seconds since 1970.",
                [MetricFamily.Sample(Double(broker.startTime.nanoseconds) / 1e9)]),
        ]
        if let files = usage.openFiles {
            families.append(MetricFamily("process_open_fds", .gauge, "Open files and sockets.", files))
        }
        return families
    }

    /// What was measured through swift-metrics, if ``PrometheusMetrics`` is what the process uses.
    static var measured: [MetricFamily] { (MetricsSystem.factory as? PrometheusMetrics)?.families ?? [] }
}
