/// Has relayed batches dropped, too, that the clock was ahead for when they were sent; they would be kept until it is there again.
enum RelayClock {
    static func sql(_ schema: Schema) -> String {
        """
        CREATE OR REPLACE FUNCTION \(schema).relay_drop(age interval) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM set_config('synchronous_commit', 'off', true);
            DELETE FROM \(schema).relay_rows r WHERE r.number IN (
                SELECT o.number FROM \(schema).relay_rows o
                WHERE o.sent < clock_timestamp() - age OR o.sent > clock_timestamp() + interval '1 second'
                FOR UPDATE SKIP LOCKED);
        END
        $$;

        """
    }
}
