/// What claims and releases many objects, each in one call that is one transaction.
///
/// Their arrays are in the order in which rows are locked: by kind and id. The function that claims one stays, for the nodes that run on
/// while others are updated.
enum ClaimFunctions {
    static func sql(_ schema: Schema) -> String {
        """
        -- Leases are those of the claimants, 0 for those that have none; a claimant's lease below 0 stands for whichever it has.
        CREATE FUNCTION \(schema).claim_batch(
            kinds text[], ids text[], claimants text[], claimant_leases bigint[], OUT leases bigint[], OUT nodes text[], OUT epochs bigint[]
        ) LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
        DECLARE
            wanted bigint[];
            missing bigint[];
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

            PERFORM 1
            FROM unnest(wanted) WITH ORDINALITY AS p (place, rank)
            JOIN \(schema).object_rows o ON o.kind = kinds[p.place] AND o.id = ids[p.place]
            ORDER BY p.rank
            FOR UPDATE OF o;

            -- Owners are looked up after the rows are locked, so that no lease is older than its row.
            UPDATE \(schema).object_rows o SET owner = claimants[p.place], owner_lease = leases[p.place], owner_epoch = o.owner_epoch + 1
            FROM unnest(wanted) AS p (place)
            WHERE o.kind = kinds[p.place] AND o.id = ids[p.place]
                AND NOT EXISTS (SELECT FROM \(schema).members h WHERE h.name = o.owner AND h.lease = o.owner_lease);

            FOR claimed IN
                SELECT p.place, o.owner, o.owner_epoch
                FROM unnest(wanted) AS p (place) JOIN \(schema).object_rows o ON o.kind = kinds[p.place] AND o.id = ids[p.place]
            LOOP
                nodes[claimed.place] := claimed.owner;
                epochs[claimed.place] := claimed.owner_epoch;
            END LOOP;
        END
        $$;

        CREATE FUNCTION \(schema).release_batch(kinds text[], ids text[], owners text[], epochs bigint[]) RETURNS void
        LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
        BEGIN
            -- Nothing here needs to be on the disk: if it is lost, the object is still its former owner's, under the epoch that it had,
            -- and whoever has claimed it since has waited for the disk, which takes commits in their order. A claim cannot do so. Nodes
            -- outlive the server, so a claim that is lost would leave one with an epoch that the next claim gives to another.
            PERFORM set_config('synchronous_commit', 'off', true);
            IF cardinality(ids) > 1 THEN PERFORM set_config('lock_timeout', '250ms', true); END IF;

            PERFORM 1
            FROM unnest(kinds, ids, owners, epochs) WITH ORDINALITY AS w (kind, id, owner, epoch, place)
            JOIN \(schema).object_rows o ON o.kind = w.kind AND o.id = w.id AND o.owner = w.owner AND o.owner_epoch = w.epoch
            ORDER BY w.place
            FOR UPDATE OF o;

            UPDATE \(schema).object_rows o SET owner = NULL, owner_lease = NULL
            FROM unnest(kinds, ids, owners, epochs) AS w (kind, id, owner, epoch)
            WHERE o.kind = w.kind AND o.id = w.id AND o.owner = w.owner AND o.owner_epoch = w.epoch;
        END
        $$;

        """
    }
}
