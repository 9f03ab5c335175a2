/// Has the commit function keep the plans of its statements, also for batches of few objects. Measured: 118 events of one object took a
/// quarter more of the server's processor time without this, and batches of 512 objects the same.
enum CommitPlans {
    static func sql(_ schema: Schema) -> String {
        """
        ALTER FUNCTION \(schema).commit_batch SET plan_cache_mode = force_generic_plan;

        """
    }
}
