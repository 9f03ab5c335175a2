/// Batches of messages on their way to other nodes. They are not logged: a crash of the server empties the tables, and a new epoch begins.
///
/// The number of a batch comes from one row that is locked until it is there, so that numbers become visible in their order, without gap.
enum RelayTables {
    static func sql(_ schema: Schema) -> String {
        """
        CREATE UNLOGGED TABLE \(schema).relay_heads (
            is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
            epoch text NOT NULL,
            number bigint NOT NULL
        ) WITH (fillfactor = 10);

        CREATE UNLOGGED TABLE \(schema).relay_rows (
            number bigint PRIMARY KEY,
            sender text NOT NULL,
            sent timestamptz NOT NULL,
            frames bytea NOT NULL
        );

        CREATE FUNCTION \(schema).relay_send(batch_sender text, batch_frames bytea, fresh_epoch text) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE
            batch_number bigint;
        BEGIN
            -- Nothing here needs to be on the disk.
            PERFORM set_config('synchronous_commit', 'off', true);
            LOOP
                UPDATE \(schema).relay_heads h SET number = h.number + 1 RETURNING h.number INTO batch_number;
                EXIT WHEN FOUND;
                INSERT INTO \(schema).relay_heads (epoch, number) VALUES (fresh_epoch, 0) ON CONFLICT DO NOTHING;
            END LOOP;
            INSERT INTO \(schema).relay_rows (number, sender, sent, frames)
            VALUES (batch_number, batch_sender, clock_timestamp(), batch_frames);
        END
        $$;

        CREATE FUNCTION \(schema).relay_drop(age interval) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM set_config('synchronous_commit', 'off', true);
            DELETE FROM \(schema).relay_rows r WHERE r.number IN (
                SELECT o.number FROM \(schema).relay_rows o WHERE o.sent < clock_timestamp() - age FOR UPDATE SKIP LOCKED);
        END
        $$;

        """
    }
}
