import Metrics
import Synchronization

/// The numbers of one name and set of labels.
protocol Series: AnyObject, Sendable {
    func samples(_ labels: [MetricFamily.Label]) -> [MetricFamily.Sample]
}

/// A counter or a gauge.
final class NumberSeries: Series, CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
    private let value = Mutex(0.0)

    func samples(_ labels: [MetricFamily.Label]) -> [MetricFamily.Sample] {
        [MetricFamily.Sample(value.withLock { $0 }, labels: labels)]
    }

    func increment(by amount: Int64) { value.withLock { $0 += Double(amount) } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func set(_ value: Int64) { self.value.withLock { $0 = Double(value) } }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func record(_ value: Int64) { set(value) }
    func record(_ value: Double) { set(value) }
    func reset() { set(0.0) }
}

/// How many values there were, and their sum.
final class SummarySeries: Series, RecorderHandler {
    private let state = Mutex((count: 0.0, sum: 0.0))

    func samples(_ labels: [MetricFamily.Label]) -> [MetricFamily.Sample] {
        let (count, sum) = state.withLock { $0 }
        return [
            MetricFamily.Sample(sum, labels: labels, suffix: "_sum"), MetricFamily.Sample(count, labels: labels, suffix: "_count"),
        ]
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        state.withLock { state in
            state.count += 1
            state.sum += value
        }
    }
}

/// Lengths of time in seconds: how many were at most so long, and their sum.
final class TimeSeries: Series, TimerHandler {
    private static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private let state = Mutex((buckets: [Double](repeating: 0, count: bounds.count), count: 0.0, sum: 0.0))

    func samples(_ labels: [MetricFamily.Label]) -> [MetricFamily.Sample] {
        let state = state.withLock { $0 }
        var samples: [MetricFamily.Sample] = []
        var total = 0.0
        for (bound, count) in zip(Self.bounds, state.buckets) {
            total += count
            samples.append(MetricFamily.Sample(total, labels: labels + [MetricFamily.Label("le", "\(bound)")], suffix: "_bucket"))
        }
        samples.append(MetricFamily.Sample(state.count, labels: labels + [MetricFamily.Label("le", "+Inf")], suffix: "_bucket"))
        samples.append(MetricFamily.Sample(state.sum, labels: labels, suffix: "_sum"))
        samples.append(MetricFamily.Sample(state.count, labels: labels, suffix: "_count"))
        return samples
    }

    func recordNanoseconds(_ duration: Int64) {
        let seconds = Double(duration) / 1e9
        let bucket = Self.bounds.firstIndex { seconds <= $0 }
        state.withLock { state in
            if let bucket { state.buckets[bucket] += 1 }
            state.count += 1
            state.sum += seconds
        }
    }
}
