-- asks: who wants which text in one column, and what of it is free
(
    with recursive wanting as materialized (
        select u.id, {in_share} as in_share, {base} as value,
            row_number() over (order by u.created_at nulls first, u.id) as position
        from auth.users as u
        where {needs_profile} and {in_plan}
            and not exists (select from {profiles} as p where p.{key} = u.id)
    ),
    texts as materialized (
        select t.value, t.users,
            -- As many as may ask for one of them: others write the same another way.
            sum(t.wanters) over (partition by {key_of_text}) + {spare} as room
        from (
            select w.value collate "C" as value, count(*) as wanters,
                jsonb_agg(jsonb_build_array(w.position, w.id, w.in_share) order by w.position)
                    as users
            from wanting as w
            where {fits}
            group by w.value collate "C"
        ) as t
    ),
    -- All texts at once, one number a round.
    tries (wanted, room, number, value, is_taken, found) as (
        select t.value, t.room, 1, t.value, look.is_taken, (not look.is_taken)::integer
        from texts as t
        cross join lateral (select {is_taken} offset 0) as look (is_taken)
        union all
        select s.wanted, s.room, s.number + 1, t.value, look.is_taken,
            s.found + (not look.is_taken)::integer
        from tries as s
        cross join lateral (select {next} as value offset 0) as t
        cross join lateral (select {is_taken} offset 0) as look (is_taken)
        where s.found < s.room and s.number < {most}
    ),
    -- A mark stands for all that is the same to an index.
    marked as (
        select t.wanted, t.number, array[{marks}] as marks
        from tries as t
        where not t.is_taken
    ),
    counted as (
        select m.*, {crowd} as crowd
        from marked as m
    ),
    free as (
        select c.wanted, bool_and(c.number = 1 and c.crowd = 1) as is_alone,
            jsonb_agg(jsonb_build_array(c.number, c.marks) order by c.number) as numbers
        from counted as c
        group by c.wanted
    )
    select {column_text} as column_name, t.value as wanted, t.users, t.room::bigint as room,
        coalesce(f.numbers, '[]') as free
    from texts as t
    left join free as f on f.wanted = t.value
    -- Of whom nobody wants or has the same, nothing is to be said.
    where f.is_alone is not true or jsonb_array_length(t.users) > 1
)
