import Dispatch

/// A thread's worth of time for a node's signs of life: they must not wait for tasks that keep the shared pool busy.
final class HeartbeatQueue: TaskExecutor {
    private let queue = DispatchQueue(label: "rivulet.heartbeat", qos: .userInitiated)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
