-- does: gives a user of a batch the value that its plan foresaw; without one the first that is free
case when not input ? 'numbers' then {free_value}
    else (
        select ({numbered})::{type}
        from (
            select {base} as value, coalesce(
                (input #>> array['numbers', {column_text}, u.id::text])::integer, 1
            ) as number
        ) as usersync_given
    ) end
