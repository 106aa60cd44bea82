-- asks: which is the first value of a column that no profile has: a text itself, or with a number?
-- cost: one index probe a try; a set is not joined, since the first free one ends it
(
    with recursive usersync_tries (wanted, number, value) as (
        select usersync_base.value, 1, usersync_base.value
        from (select {base} as value) as usersync_base
        union all
        select t.wanted, t.number + 1, {next}
        from usersync_tries as t
        cross join lateral (select {is_taken} offset 0) as usersync_look (is_taken)
        where usersync_look.is_taken and t.number < {most}
    )
    select t.value::{type}
    from usersync_tries as t
    order by t.number desc
    limit 1
)
