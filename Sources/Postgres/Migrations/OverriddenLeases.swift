/// Has a claim end the leases that it overrides. Otherwise a renewal that had found its lease just before the end, and was not seen while it
/// went to the disk, would succeed after the object was another's.
enum OverriddenLeases {
    static func sql(_ schema: Schema) -> String {
        """
        -- Leases are those of the claimants, 0 for those that have none; a claimant's lease below 0 stands for whichever it has.
        CREATE OR REPLACE FUNCTION \(schema).claim_batch(
            kinds text[], ids text[], claimants text[], claimant_leases bigint[], OUT leases bigint[], OUT nodes text[], OUT epochs bigint[]
        ) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
        DECLARE
            wanted bigint[];
            missing bigint[];
            holders text[];
            claimed record;
        BEGIN
            -- What a living node owns is not locked: it may be busy.
            SELECT array_agg(coalesce(m.lease, 0) ORDER BY w.place), array_agg(h.name ORDER BY w.place),
                array_agg(o.owner_epoch ORDER BY w.place),
                array_agg(w.place ORDER BY w.place) FILTER (WHERE m.lease IS NOT NULL AND h.name IS NULL),
                array_agg(w.place ORDER BY w.place) FILTER (WHERE m.lease IS NOT NULL AND o.number IS NULL)
            INTO leases, nodes, epochs, wanted, missing
            FROM unnest(kinds, ids, claimants, claimant_leases) WITH ORDINALITY AS w (kind, id, claimant, lease, place)
            LEFT JOIN \(schema).members m ON m.name = w.claimant AND (w.lease < 0 OR m.lease = w.lease)
            LEFT JOIN \(schema).object_rows o ON o.kind = w.kind AND o.id = w.id
            LEFT JOIN \(schema).members h ON h.name = o.owner AND h.lease = o.owner_lease;
            IF wanted IS NULL THEN RETURN; END IF;

            -- One that others hold on to is not to keep all waiting: the caller then claims each by itself.
            IF cardinality(ids) > 1 THEN PERFORM set_config('lock_timeout', '250ms', true); END IF;

            INSERT INTO \(schema).object_rows (number, kind, id, version, owner_epoch, last_event, updated)
            SELECT nextval('\(schema).object_numbers'), kinds[p.place], ids[p.place], 0, 0, 0, 0
            FROM unnest(missing) WITH ORDINALITY AS p (place, rank)
            ORDER BY p.rank
            ON CONFLICT (kind, id) DO NOTHING;

            SELECT array_agg(DISTINCT l.owner) FILTER (WHERE l.owner IS NOT NULL) INTO holders
            FROM (
                SELECT o.owner
                FROM unnest(wanted) WITH ORDINALITY AS p (place, rank)
                JOIN \(schema).object_rows o ON o.kind = kinds[p.place] AND o.id = ids[p.place]
                ORDER BY p.rank
                FOR UPDATE OF o
            ) AS l;

            -- This waits for a renewal that is on its way to the disk, and goes by what that makes of the lease.
            IF holders IS NOT NULL THEN
                DELETE FROM \(schema).member_rows m USING (
                    SELECT e.name FROM \(schema).member_rows e
                    WHERE e.name = ANY (holders) AND e.ends <= \(schema).moment()
                    ORDER BY e.name
                    FOR UPDATE
                ) AS ended
                WHERE m.name = ended.name;
            END IF;

            -- Owners are looked up after the rows are locked, so that no lease is older than its row. One whose lease is there still has the
            -- object, even if it has ended meanwhile: it could yet be renewed.
            UPDATE \(schema).object_rows o SET owner = claimants[p.place], owner_lease = leases[p.place], owner_epoch = o.owner_epoch + 1
            FROM unnest(wanted) AS p (place)
            WHERE o.kind = kinds[p.place] AND o.id = ids[p.place]
                AND NOT EXISTS (SELECT FROM \(schema).member_rows h WHERE h.name = o.owner AND h.lease = o.owner_lease);

            FOR claimed IN
                SELECT p.place, o.owner, o.owner_epoch
                FROM unnest(wanted) AS p (place) JOIN \(schema).object_rows o ON o.kind = kinds[p.place] AND o.id = ids[p.place]
            LOOP
                nodes[claimed.place] := claimed.owner;
                epochs[claimed.place] := claimed.owner_epoch;
            END LOOP;
        END
        $$;

        """
    }
}
