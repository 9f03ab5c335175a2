/// As ``ReadFunction``, but reads by a pattern look at no more events than they may, and say how far they came. Nodes of before go on to
/// call the function without the last parameter.
enum BoundedReads {
    static func sql(_ schema: Schema) -> String {
        """
        CREATE FUNCTION \(schema).read_events(
            stream_name text, start bigint, object_id text, pattern text, most bigint, most_bytes bigint, most_looks bigint
        ) RETURNS TABLE (
            epoch text, first bigint, last bigint, pending bigint, looked bigint,
            event_sequence bigint, event_previous bigint, event_time bigint, event_subject text, event_payload text
        ) LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $$
        DECLARE
            stream_number int;
            stream_epoch text;
            head bigint;
            oldest bigint;
            object_number bigint;
            last_of_object bigint;
            events_of_object bigint;
            event record;
            next_start bigint := start;
            stretch_end bigint;
            events bigint := 0;
            bytes bigint := 0;
            rest bigint := 0;
            looks bigint := 0;
            is_full boolean := most <= 0;
            reached bigint := start - 1;
            -- Where it ended although more may match; NULL if it came to the end.
            stopped_at bigint;
        BEGIN
            SELECT s.number, s.epoch, s.head, coalesce((SELECT min(e.sequence) FROM \(schema).event_rows e WHERE e.stream = s.number), s.head + 1)
            INTO stream_number, stream_epoch, head, oldest
            FROM \(schema).stream_rows s WHERE s.name = stream_name;
            IF NOT FOUND THEN RETURN; END IF;

            IF object_id IS NULL THEN
                IF pattern IS NOT NULL AND head - greatest(start, oldest) >= most_looks THEN
                    stopped_at := greatest(start, oldest) + most_looks - 1;
                END IF;
                FOR event IN
                    SELECT e.sequence, e.previous, e.time, e.subject, e.payload FROM \(schema).event_rows e
                    WHERE e.stream = stream_number AND e.sequence BETWEEN start AND coalesce(stopped_at, head)
                        AND (pattern IS NULL OR e.subject ~ pattern)
                    ORDER BY e.sequence
                LOOP
                    IF is_full THEN
                        IF pattern IS NULL THEN
                            rest := greatest(0, head - greatest(event.sequence, oldest) + 1);
                            EXIT;
                        END IF;
                        rest := rest + 1;
                        CONTINUE;
                    END IF;
                    \(returnEvent)
                END LOOP;
            ELSE
                SELECT o.number, o.last_event, o.event_count INTO object_number, last_of_object, events_of_object
                FROM \(schema).object_rows o WHERE o.kind = stream_name AND o.id = object_id;

                -- One stretch of its events after the other, each followed back from a milestone, or from the object's last event.
                <<stretches>>
                WHILE next_start <= last_of_object LOOP
                    SELECT e.sequence INTO stretch_end FROM \(schema).event_rows e
                    WHERE e.object = object_number AND e.sequence >= next_start AND e.ordinal % 64 = 0
                    ORDER BY e.sequence OFFSET (least(most, 4096) + 63) / 64 LIMIT 1;
                    stretch_end := coalesce(stretch_end, last_of_object);
                    FOR event IN
                        WITH RECURSIVE stretch AS (
                            SELECT e.* FROM \(schema).event_rows e WHERE e.stream = stream_number AND e.sequence = stretch_end
                            UNION ALL
                            SELECT e.* FROM stretch s JOIN \(schema).event_rows e ON e.stream = stream_number AND e.sequence = s.previous
                            WHERE s.previous >= next_start
                        )
                        SELECT s.sequence, s.previous, s.ordinal, s.time, s.subject, s.payload,
                            pattern IS NULL OR s.subject ~ pattern AS is_wanted
                        FROM stretch s ORDER BY s.sequence
                    LOOP
                        looks := looks + 1;
                        IF NOT event.is_wanted THEN CONTINUE; END IF;
                        IF is_full THEN
                            IF pattern IS NULL THEN
                                rest := events_of_object - event.ordinal + 1;
                                EXIT stretches;
                            END IF;
                            rest := rest + 1;
                            CONTINUE;
                        END IF;
                        \(returnEvent)
                    END LOOP;
                    IF pattern IS NOT NULL AND looks >= most_looks AND stretch_end < last_of_object THEN
                        stopped_at := stretch_end;
                        EXIT;
                    END IF;
                    next_start := stretch_end + 1;
                END LOOP;
            END IF;

            epoch := stream_epoch;
            first := oldest;
            last := head;
            pending := CASE WHEN stopped_at IS NULL THEN rest ELSE greatest(1, rest) END;
            looked := CASE WHEN pending = 0 THEN head WHEN stopped_at IS NULL OR is_full THEN reached ELSE stopped_at END;
            event_sequence := NULL;
            event_previous := NULL;
            event_time := NULL;
            event_subject := NULL;
            event_payload := NULL;
            RETURN NEXT;
        END
        $$;

        """
    }
    private static let returnEvent = """
        event_sequence := event.sequence;
        event_previous := event.previous;
        event_time := event.time;
        event_subject := event.subject;
        event_payload := event.payload;
        RETURN NEXT;
        events := events + 1;
        bytes := bytes + octet_length(event_payload);
        is_full := events >= most OR bytes >= most_bytes;
        reached := event.sequence;
        """
}
