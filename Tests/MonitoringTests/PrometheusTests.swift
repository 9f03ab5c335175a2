import Metrics
import Testing

@testable import RivuletMonitoring

@Suite struct PrometheusTests {
    private func lines(_ metrics: PrometheusMetrics) -> [String] {
        PrometheusText.encode(metrics.families).split(separator: "\n").map { String($0) }
    }

    @Test func whatIsMeasuredIsWritten() {
        let metrics = PrometheusMetrics()
        let counter = Counter(label: "calls_total", dimensions: [("kind", "a\"b\\c\nd")], factory: metrics)
        counter.increment(by: 2)
        counter.increment()
        Counter(label: "calls_total", dimensions: [("kind", "e")], factory: metrics).increment()
        FloatingPointCounter(label: "energy.total", factory: metrics).increment(by: 1.5)
        let gauge = Gauge(label: "depth", factory: metrics)
        gauge.record(3)
        let meter = Meter(label: "9lives", factory: metrics)
        meter.set(9)
        meter.decrement(by: 0.5)
        let recorder = Recorder(label: "batch", factory: metrics)
        recorder.record(2)
        recorder.record(5)
        let timer = Timer(label: "wait", factory: metrics)
        timer.recordMilliseconds(3)
        timer.recordSeconds(20)
        let lines = lines(metrics)
        for expected in [
            "# TYPE calls_total counter", "calls_total{kind=\"a\\\"b\\\\c\\nd\"} 3", "calls_total{kind=\"e\"} 1",
            "# TYPE energy_total counter", "energy_total 1.5", "# TYPE depth gauge", "depth 3", "# TYPE _9lives gauge", "_9lives 8.5",
            "# TYPE batch summary", "batch_sum 7", "batch_count 2", "# TYPE wait_seconds histogram",
            "wait_seconds_bucket{le=\"0.0025\"} 0", "wait_seconds_bucket{le=\"0.005\"} 1", "wait_seconds_bucket{le=\"10.0\"} 1",
            "wait_seconds_bucket{le=\"+Inf\"} 2", "wait_seconds_count 2", "rivulet_metrics_dropped_total 0",
        ] {
            #expect(lines.contains(expected), "\(expected)")
        }
        let types = lines.filter { $0.hasPrefix("# TYPE") }
        #expect(types.count == Set(types).count)
    }

    @Test func aNameHasOneType() {
        let metrics = PrometheusMetrics()
        Counter(label: "a.b", factory: metrics).increment()
        Gauge(label: "a_b", factory: metrics).record(7)
        let lines = lines(metrics)
        #expect(lines.contains("a_b 1") && lines.contains("# TYPE a_b counter"))
        #expect(!lines.contains("# TYPE a_b gauge"))
        #expect(lines.contains("rivulet_metrics_dropped_total 1"))
        let text = PrometheusText.encode([
            MetricFamily("x", .gauge, "one\nline", 1), MetricFamily("x", .counter, "", 2), MetricFamily("none", .gauge, "", []),
        ])
        #expect(text == "# HELP x one\\nline\n# TYPE x gauge\nx 1\n")
    }

    @Test func theNumberOfSeriesIsBounded() {
        let metrics = PrometheusMetrics(limit: 2)
        for number in 1...5 { Counter(label: "c\(number)", factory: metrics).increment() }
        #expect(lines(metrics).contains("rivulet_metrics_dropped_total 3"))
        let counter = Counter(label: "c1", factory: metrics)
        counter.increment()
        #expect(lines(metrics).contains("c1 2"))
        counter.destroy()
        #expect(!lines(metrics).contains("c1 2"))
        Gauge(label: "c1", factory: metrics).record(4)
        #expect(lines(metrics).contains("c1 4"))
    }
}
