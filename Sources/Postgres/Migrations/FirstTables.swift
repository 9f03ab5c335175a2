/// Objects, streams, events, idempotency records, and views of them for people.
///
/// Kinds, ids and subjects stand as they travel, percent-encoded; times are nanoseconds since 1970. States and events are kept as the text
/// they came as, for `jsonb` would not give every number back as it was (`-0.0`), and cannot hold `\u0000`. The views show them as `jsonb`,
/// with U+FFFD in place of U+0000.
///
/// An object's events name the one before them and have an ordinal, from 1 on, among their object's; so they are found without an index
/// over all of them, which would cost each commit a page for each of its objects: every 64th is a milestone, from which the others are
/// followed back (``ReadFunction``).
enum FirstTables {
    static func sql(_ schema: Schema) -> String {
        """
        CREATE SEQUENCE \(schema).object_numbers;

        CREATE TABLE \(schema).object_rows (
            number bigint PRIMARY KEY,
            kind text COLLATE "C" NOT NULL,
            id text COLLATE "C" NOT NULL,
            version bigint NOT NULL,
            owner_epoch bigint NOT NULL,
            owner text COLLATE "C",
            owner_lease bigint,
            last_event bigint NOT NULL,
            event_count bigint NOT NULL DEFAULT 0,
            updated bigint NOT NULL,
            state text,
            UNIQUE (kind, id)
        ) WITH (fillfactor = 70);

        CREATE TABLE \(schema).stream_rows (
            number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text COLLATE "C" NOT NULL UNIQUE,
            epoch text NOT NULL,
            head bigint NOT NULL
        ) WITH (fillfactor = 10);

        CREATE TABLE \(schema).event_rows (
            stream int NOT NULL,
            sequence bigint NOT NULL,
            object bigint NOT NULL,
            previous bigint NOT NULL,
            ordinal bigint NOT NULL,
            time bigint NOT NULL,
            subject text COLLATE "C" NOT NULL,
            payload text NOT NULL,
            PRIMARY KEY (stream, sequence)
        );

        CREATE INDEX event_milestones ON \(schema).event_rows (object, sequence) WHERE ordinal % 64 = 0;

        CREATE TABLE \(schema).reply_rows (
            object bigint NOT NULL,
            message_id bytea NOT NULL,
            expires bigint NOT NULL,
            payload bytea NOT NULL
        );

        CREATE UNIQUE INDEX reply_rows_by_id ON \(schema).reply_rows (object, sha256(message_id));
        CREATE INDEX reply_rows_by_expiry ON \(schema).reply_rows (expires);

        CREATE FUNCTION \(schema).document(json_text text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
            SELECT replace(json_text, '\\u0000', '\\ufffd')::jsonb
        $$;

        CREATE VIEW \(schema).objects AS
            SELECT kind, id, version, \(schema).document(state) AS state, to_timestamp(updated / 1e9) AS updated
            FROM \(schema).object_rows
            WHERE version > 0;

        CREATE VIEW \(schema).events AS
            SELECT o.kind, o.id, split_part(e.subject, '.', 4) AS event, e.sequence, e.previous, to_timestamp(e.time / 1e9) AS time,
                \(schema).document(e.payload) AS payload
            FROM \(schema).event_rows e JOIN \(schema).object_rows o ON o.number = e.object;

        """
    }
}
