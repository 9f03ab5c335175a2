/// What commits a batch, in one call that is one transaction.
///
/// Its arrays are in the order in which rows are locked: objects by kind and id, then streams by name. As all do so, none wait for each
/// other in a circle. Objects, streams and events name each other by their places in the arrays, from 1 on; 0 stands for none. Events
/// have ranks instead of numbers, counted from what the stream's head is when it is raised.
enum CommitFunction {
    /// There is no stream for the events.
    static let noStream = "RV404"
    /// The connection is not the newest of its writer's any more.
    static let replacedWriter = "RV409"

    static func sql(_ schema: Schema) -> String {
        """
        CREATE TABLE \(schema).writer_rows (
            name text PRIMARY KEY,
            generation bigint NOT NULL,
            seen timestamptz NOT NULL DEFAULT now(),
            batch bigint NOT NULL DEFAULT 0,
            heads bigint[] NOT NULL DEFAULT '{}',
            epochs text[] NOT NULL DEFAULT '{}',
            lasts bigint[] NOT NULL DEFAULT '{}'
        ) WITH (fillfactor = 20);

        CREATE FUNCTION \(schema).commit_batch(
            writer text, writer_generation bigint, batch_number bigint, commit_time bigint, forget_time bigint,
            stream_names text[], stream_counts bigint[],
            kinds text[], ids text[], versions bigint[], owner_epochs bigint[], turns bigint[], states text[],
            object_streams int[], event_counts bigint[], last_ranks bigint[],
            event_objects int[], event_ranks bigint[], previous_ranks bigint[], ordinals bigint[], subjects text[], payloads text[],
            reply_objects int[], reply_ids bytea[], reply_expiries bigint[], reply_payloads bytea[],
            OUT stale bigint[], OUT stale_versions bigint[], OUT stale_epochs bigint[],
            OUT stream_heads bigint[], OUT stream_epochs text[], OUT last_events bigint[]
        ) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
        DECLARE
            numbers bigint[];
            known_events bigint[];
            missing bigint[];
            inserted bigint;
            stream_numbers int[] := '{}';
            one_number int;
            one_head bigint;
            one_epoch text;
        BEGIN
            PERFORM 1
            FROM unnest(kinds, ids) WITH ORDINALITY AS w (kind, id, place)
            JOIN \(schema).object_rows o ON o.kind = w.kind AND o.id = w.id
            ORDER BY w.place
            FOR UPDATE OF o;

            SELECT array_agg(o.number ORDER BY w.place), array_agg(coalesce(o.last_event, 0) ORDER BY w.place),
                array_agg(coalesce(o.event_count, 0) ORDER BY w.place),
                array_agg(w.place ORDER BY w.place) FILTER (WHERE o.number IS NULL),
                array_agg(w.place ORDER BY w.place) FILTER (WHERE coalesce(o.version, 0) <> w.version OR coalesce(o.owner_epoch, 0) <> w.epoch),
                array_agg(coalesce(o.version, 0) ORDER BY w.place)
                    FILTER (WHERE coalesce(o.version, 0) <> w.version OR coalesce(o.owner_epoch, 0) <> w.epoch),
                array_agg(coalesce(o.owner_epoch, 0) ORDER BY w.place)
                    FILTER (WHERE coalesce(o.version, 0) <> w.version OR coalesce(o.owner_epoch, 0) <> w.epoch)
            INTO numbers, last_events, known_events, missing, stale, stale_versions, stale_epochs
            FROM unnest(kinds, ids, versions, owner_epochs) WITH ORDINALITY AS w (kind, id, version, epoch, place)
            LEFT JOIN \(schema).object_rows o ON o.kind = w.kind AND o.id = w.id;

            -- The caller thinks again: nothing was written.
            IF stale IS NOT NULL THEN RETURN; END IF;

            IF missing IS NOT NULL THEN
                FOR one IN 1 .. cardinality(missing) LOOP
                    numbers[missing[one]] := nextval('\(schema).object_numbers');
                END LOOP;
                INSERT INTO \(schema).object_rows (number, kind, id, version, owner_epoch, last_event, updated)
                SELECT numbers[m.place], kinds[m.place], ids[m.place], 0, 0, 0, commit_time
                FROM unnest(missing) AS m (place)
                ON CONFLICT (kind, id) DO NOTHING;
                GET DIAGNOSTICS inserted = ROW_COUNT;
                IF inserted <> cardinality(missing) THEN
                    RAISE EXCEPTION 'another node made an object at the same time' USING ERRCODE = '40001';
                END IF;
            END IF;

            stream_heads := '{}';
            stream_epochs := '{}';
            FOR one IN 1 .. cardinality(stream_names) LOOP
                UPDATE \(schema).stream_rows s SET head = s.head + stream_counts[one] WHERE s.name = stream_names[one]
                RETURNING s.number, s.head - stream_counts[one], s.epoch INTO one_number, one_head, one_epoch;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'there is no stream %', stream_names[one] USING ERRCODE = '\(noStream)';
                END IF;
                stream_numbers[one] := one_number;
                stream_heads[one] := one_head;
                stream_epochs[one] := one_epoch;
            END LOOP;

            UPDATE \(schema).object_rows o
            SET version = o.version + w.turns, updated = commit_time, state = coalesce(w.state, o.state),
                last_event = CASE WHEN w.rank > 0 THEN stream_heads[w.stream] + w.rank ELSE o.last_event END,
                event_count = o.event_count + w.events
            FROM unnest(numbers, turns, states, object_streams, event_counts, last_ranks) AS w (number, turns, state, stream, events, rank)
            WHERE o.number = w.number;

            -- By subscripts: PL/pgSQL has taken the arrays apart, and six of them unnested would each be put on a list first.
            INSERT INTO \(schema).event_rows (stream, sequence, object, previous, ordinal, time, subject, payload)
            SELECT stream_numbers[object_streams[w.object]], stream_heads[object_streams[w.object]] + event_ranks[w.place], numbers[w.object],
                CASE WHEN previous_ranks[w.place] > 0 THEN stream_heads[object_streams[w.object]] + previous_ranks[w.place]
                    ELSE last_events[w.object] END,
                known_events[w.object] + ordinals[w.place], commit_time, subjects[w.place], payloads[w.place]
            FROM unnest(event_objects) WITH ORDINALITY AS w (object, place);

            IF cardinality(reply_objects) > 0 THEN
                INSERT INTO \(schema).reply_rows (object, message_id, expires, payload)
                SELECT numbers[w.object], w.id, w.expires, w.payload
                FROM unnest(reply_objects, reply_ids, reply_expiries, reply_payloads) AS w (object, id, expires, payload)
                ON CONFLICT (object, sha256(message_id)) DO UPDATE SET expires = excluded.expires, payload = excluded.payload;
            END IF;

            -- A few more than may have come with this batch, so that old records shrink away without ever holding a commit up for long.
            DELETE FROM \(schema).reply_rows r
            WHERE r.ctid = ANY (ARRAY(
                SELECT e.ctid FROM \(schema).reply_rows e WHERE e.expires <= forget_time
                ORDER BY e.expires LIMIT 2 * cardinality(reply_objects) + 16 FOR UPDATE SKIP LOCKED));

            -- By this row a writer that lost its connection learns what became of its last batch. It is written last: once a newer
            -- connection has raised the generation, nothing of an older one commits any more.
            UPDATE \(schema).writer_rows w
            SET batch = batch_number, seen = now(), heads = stream_heads, epochs = stream_epochs, lasts = last_events
            WHERE w.name = writer AND w.generation = writer_generation;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'a newer connection has taken over' USING ERRCODE = '\(replacedWriter)';
            END IF;
        END
        $$;

        """
    }
}
