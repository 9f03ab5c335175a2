/// What reads a page of a stream in one view of the data: the events, then a row that says how the stream stands and how much is left.
enum ReadFunction {
    static func sql(_ schema: Schema) -> String {
        """
        CREATE FUNCTION \(schema).read_events(
            stream_name text, start bigint, object_id text, pattern text, most bigint, most_bytes bigint
        ) RETURNS TABLE (
            epoch text, first bigint, last bigint, pending bigint,
            event_sequence bigint, event_previous bigint, event_time bigint, event_subject text, event_payload text
        ) LANGUAGE plpgsql STABLE SET enable_seqscan = off SET jit = off AS $$
        DECLARE
            stream_number int;
            stream_epoch text;
            head bigint;
            oldest bigint;
            object_number bigint;
            page refcursor;
            reached bigint := start - 1;
            events bigint := 0;
            bytes bigint := 0;
            rest bigint := 0;
        BEGIN
            SELECT s.number, s.epoch, s.head, coalesce((SELECT min(e.sequence) FROM \(schema).event_rows e WHERE e.stream = s.number), s.head + 1)
            INTO stream_number, stream_epoch, head, oldest
            FROM \(schema).stream_rows s WHERE s.name = stream_name;
            IF NOT FOUND THEN RETURN; END IF;

            IF object_id IS NULL THEN
                OPEN page FOR
                    SELECT e.sequence, e.previous, e.time, e.subject, e.payload FROM \(schema).event_rows e
                    WHERE e.stream = stream_number AND e.sequence >= start AND (pattern IS NULL OR e.subject ~ pattern)
                    ORDER BY e.sequence;
            ELSE
                SELECT o.number INTO object_number FROM \(schema).object_rows o WHERE o.kind = stream_name AND o.id = object_id;
                OPEN page FOR
                    SELECT e.sequence, e.previous, e.time, e.subject, e.payload FROM \(schema).event_rows e
                    WHERE e.object = object_number AND e.sequence >= start AND (pattern IS NULL OR e.subject ~ pattern)
                    ORDER BY e.sequence;
            END IF;

            LOOP
                IF events >= most OR (events > 0 AND bytes >= most_bytes) THEN
                    IF object_id IS NOT NULL THEN
                        SELECT count(*) INTO rest FROM \(schema).event_rows e
                        WHERE e.object = object_number AND e.sequence > reached AND (pattern IS NULL OR e.subject ~ pattern);
                    ELSIF pattern IS NOT NULL THEN
                        SELECT count(*) INTO rest FROM \(schema).event_rows e
                        WHERE e.stream = stream_number AND e.sequence > reached AND e.subject ~ pattern;
                    ELSE
                        rest := greatest(0, head - greatest(reached, oldest - 1));
                    END IF;
                    EXIT;
                END IF;
                FETCH page INTO event_sequence, event_previous, event_time, event_subject, event_payload;
                EXIT WHEN NOT FOUND;
                RETURN NEXT;
                events := events + 1;
                bytes := bytes + octet_length(event_payload);
                reached := event_sequence;
            END LOOP;
            CLOSE page;

            epoch := stream_epoch;
            first := oldest;
            last := head;
            pending := rest;
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
}
