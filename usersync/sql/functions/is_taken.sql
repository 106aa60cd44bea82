-- asks: does a profile have this value, as one unique index sees it?
exists (
    select
    from (
        select {expression} as usersync_key
        from (select ({value})::{type} collate {collation}) as usersync_one ({column})
    ) as usersync_wanted
    join {profiles} as p on ({expression}){index_collation} {equals} usersync_wanted.usersync_key
)
