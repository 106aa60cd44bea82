-- asks: is the key of the profile table unique?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: alter table TABLE add unique (KEY);
-- why: Without it nothing keeps a user from having two profiles, and on conflict fails with
--   42P10.
select {key_text} as subject, 'no unique index holds it alone' as detail
where to_regclass({profiles_text}) is not null and not exists (
    select from pg_catalog.pg_index as x
    join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attname = {key_text}
    where x.indrelid = to_regclass({profiles_text}) and x.indisunique and x.indisvalid
        and x.indpred is null and x.indnkeyatts = 1 and x.indkey[0] = a.attnum
);
