public import Metrics
import Synchronization

/// Keeps what a program measures through swift-metrics, to be read by Prometheus.
///
/// Counters are counters; meters and gauges are gauges; recorders are summaries without quantiles; timers are histograms in seconds,
/// their names ending in `_seconds`. The number of series is bounded: what is measured beyond it, or under a name that is in use for
/// another type, is dropped and counted in `rivulet_metrics_dropped_total`.
public final class PrometheusMetrics: MetricsFactory {
    private struct Key: Hashable {
        let name: String
        let labels: [MetricFamily.Label]
    }

    private struct State {
        var series: [Key: any Series] = [:]
        var kinds: [String: (kind: MetricFamily.Kind, count: Int)] = [:]
        var dropped = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// Nothing measured yet.
    ///
    /// - Parameter limit: Most series.
    public init(limit: Int = 10_000) {
        self.limit = limit
    }

    /// Makes a new one the process's, unless that has another factory already.
    public static func bootstrap() {
        if MetricsSystem.factory is NOOPMetricsHandler { MetricsSystem.bootstrap(PrometheusMetrics()) }
    }

    /// What was measured until now.
    public var families: [MetricFamily] {
        let (series, kinds, dropped) = state.withLock { ($0.series, $0.kinds, $0.dropped) }
        var samples: [String: [MetricFamily.Sample]] = [:]
        for (key, series) in series { samples[key.name, default: []] += series.samples(key.labels) }
        let drops = MetricFamily(
            "rivulet_metrics_dropped_total", .counter, "Metrics that were not kept: too many, or two types with one name.", dropped)
        return [drops] + samples.compactMap { name, samples in kinds[name].map { MetricFamily(name, $0.kind, "", samples) } }
    }

    // MARK: - MetricsFactory

    /// A counter.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        make(label, dimensions, .counter) { NumberSeries() } ?? NOOPMetricsHandler.instance
    }

    /// A counter.
    public func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
        make(label, dimensions, .counter) { NumberSeries() } ?? NOOPMetricsHandler.instance
    }

    /// A gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        make(label, dimensions, .gauge) { NumberSeries() } ?? NOOPMetricsHandler.instance
    }

    /// A summary, or a gauge if it does not aggregate.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate { return make(label, dimensions, .summary) { SummarySeries() } ?? NOOPMetricsHandler.instance }
        return make(label, dimensions, .gauge) { NumberSeries() } ?? NOOPMetricsHandler.instance
    }

    /// A histogram in seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let name = label.hasSuffix("_seconds") ? label : label + "_seconds"
        return make(name, dimensions, .histogram) { TimeSeries() } ?? NOOPMetricsHandler.instance
    }

    /// Forgets it.
    public func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }
    /// Forgets it.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { destroy(handler) }
    /// Forgets it.
    public func destroyMeter(_ handler: any MeterHandler) { destroy(handler) }
    /// Forgets it.
    public func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }
    /// Forgets it.
    public func destroyTimer(_ handler: any TimerHandler) { destroy(handler) }

    /// The series of this name and these labels, which is made if there is none; nil if it cannot be kept.
    private func make<Made: Series>(
        _ label: String, _ dimensions: [(String, String)], _ kind: MetricFamily.Kind, _ make: () -> Made
    ) -> Made? {
        let name = PrometheusText.sanitised(label, colons: true)
        let key = Key(name: name, labels: dimensions.map { MetricFamily.Label($0.0, $0.1) })
        return state.withLock { state in
            let known = state.kinds[name]
            if known == nil || known?.kind == kind {
                if let series = state.series[key] as? Made { return series }
                if state.series[key] == nil, state.series.count < limit {
                    let made = make()
                    state.series[key] = made
                    state.kinds[name] = (kind, (known?.count ?? 0) + 1)
                    return made
                }
            }
            state.dropped += 1
            return nil
        }
    }

    private func destroy(_ handler: AnyObject) {
        state.withLock { state in
            guard let key = state.series.first(where: { $0.value === handler })?.key else { return }
            state.series[key] = nil
            guard let known = state.kinds[key.name] else { return }
            state.kinds[key.name] = known.count > 1 ? (known.kind, known.count - 1) : nil
        }
    }
}
